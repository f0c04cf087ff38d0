"""Whether a pipe runs or stands still, by level: from an operator's word and the circuits as they are now; pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from breakers.core.states import State

# HALF_OPEN stops too: only probes may call then, and all of them must pass before the pipe is started again.
STOPPING = (State.OPEN, State.HALF_OPEN, State.FORCED_OPEN)
_SAID = {State.OPEN: "open", State.HALF_OPEN: "half open", State.FORCED_OPEN: "forced open"}


class Standing(NamedTuple):
    """`state` is RUNNING or STOPPED, `stopped_by` is "operator", "circuit" or "", `reason` a sentence."""

    state: str
    stopped_by: str = ""
    reason: str = ""

    @property
    def stopped(self) -> bool:
        return self.state == "STOPPED"


def standing(body: Mapping[str, Any], states: Mapping[str, State]) -> Standing:
    """`body` is the pipe's piece; `states` are effective states by target."""
    if body.get("desired_state") == "STOPPED":
        by, why = body.get("desired_by"), body.get("desired_reason")
        return Standing("STOPPED", "operator", f"{by or 'An operator'} stopped it{f': {why}' if why else ''}")
    open_ = [(slug, states[slug]) for slug in body.get("targets", ()) if states.get(slug) in STOPPING]
    if open_:
        reason = " and ".join(f"{slug} is {_SAID[state]}" for slug, state in open_)
        return Standing("STOPPED", "circuit", reason[:500])
    return Standing("RUNNING")
