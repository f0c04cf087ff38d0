"""Whether a journey is delayed, since when and for how long: judged by circuits, backlogs and operators' words.

A journey is delayed while calls to one of its targets are stopped, while the oldest of its waiting intents or their
number has passed a threshold of its own, while a pipe of it is stopped and, where it clears on `drained`, until what
waited has been worked off.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from breakers.core.machine import Circuit
from breakers.core.settings import Override, TargetSettings
from breakers.core.states import STOPPED, State

# A test of an open circuit that is this much overdue may never come: nobody knows then when the delay ends.
PROBE_GRACE_MS = 2000


class Journey(msgspec.Struct, frozen=True):
    """What a customer is doing, and the targets it needs; `messages` by language, each a template (messages.py).

    `raise_at_age_s` and `raise_at_backlog` raise the flag for intents that wait (None: never); `clear_on` says whether
    it comes down when circuits close or when the backlog has drained as well.
    """

    title: str = ""
    targets: tuple[str, ...] = ()
    severity: str = "warning"
    messages: dict[str, str] = {}
    raise_at_age_s: float | None = None
    raise_at_backlog: int | None = None
    clear_on: Literal["close", "drained"] = "close"


class Word(msgspec.Struct, frozen=True):
    """An operator's word about a journey; it wins over the circuits until it expires."""

    delayed: bool
    message: str = ""
    severity: str | None = None
    since_ms: int = 0
    expires_at_ms: int | None = None

    def active(self, now_ms: float) -> bool:
        return self.expires_at_ms is None or now_ms < self.expires_at_ms


class Verdict(msgspec.Struct, frozen=True):
    """What holds for a journey now. `until_ms` is when it could end (None: unknown), `next_ms` when to look again.

    `cause` is one of CAUSES; "" when nothing is delayed.
    """

    delayed: bool
    since_ms: int | None = None
    until_ms: float | None = None
    next_ms: float | None = None
    by_operator: bool = False
    cause: str = ""


CIRCUIT = "circuit"
AGE = "age"
BACKLOG = "backlog"
DRAINING = "draining"
STOPPED_PIPE = "stopped"
OPERATOR = "operator"
CAUSES: Mapping[str, str] = {
    CIRCUIT: "a circuit is open",
    AGE: "the oldest intent waits longer than allowed",
    BACKLOG: "more intents wait than allowed",
    DRAINING: "the backlog drains",
    STOPPED_PIPE: "its pipe is stopped",
    OPERATOR: "an operator said so",
}


class Waiting(Protocol):
    """What waits in a pipe: how many intents, since when the oldest (ms), the forecast of its end, whether it works off
    what gathered while it was stopped, and whether it is RUNNING or STOPPED, and since when."""

    @property
    def waiting(self) -> int: ...
    @property
    def oldest_ms(self) -> float | None: ...
    @property
    def eta_s(self) -> float | None: ...
    @property
    def draining(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def since_ms(self) -> float: ...


class Guarded(Protocol):
    settings: TargetSettings
    circuit: Circuit
    override: Override | None

    def effective(self, now_ms: float) -> State: ...


def judge(
    journey: Journey, targets: Iterable[Guarded], word: Word | None, now_ms: float, backlogs: Sequence[Waiting] = ()
) -> Verdict:
    """Delayed while an operator says so or, unless one says otherwise, while circuits or backlogs make it so."""
    if word is not None and word.active(now_ms):
        until = word.expires_at_ms if word.delayed else None
        since = word.since_ms if word.delayed else None
        return Verdict(word.delayed, since, until, word.expires_at_ms, True, OPERATOR if word.delayed else "")
    stopped = _stopped(targets, now_ms)
    waiting = _waiting(journey, backlogs, now_ms)
    if not stopped.delayed:
        return msgspec.structs.replace(waiting, next_ms=stopped.next_ms) if waiting.delayed else stopped
    if stopped.until_ms is None or not any(backlog.waiting for backlog in backlogs):
        return stopped
    # What waits is worked off after the circuits have closed.
    eta_s = _eta_s(backlogs)
    until_ms = None if eta_s is None else _rounded(max(stopped.until_ms, now_ms) + eta_s * 1000)
    return msgspec.structs.replace(stopped, until_ms=until_ms)


def _stopped(targets: Iterable[Guarded], now_ms: float) -> Verdict:
    since: list[int] = []
    ends: list[float | None] = []
    instants: list[float] = []
    for target in targets:
        override = target.override if target.override is not None and target.override.active(now_ms) else None
        if override is not None and override.expires_at_ms is not None:
            instants.append(override.expires_at_ms)
        if target.effective(now_ms) not in STOPPED:
            continue
        if override is not None:
            since.append(override.since_ms)
            ends.append(override.expires_at_ms)
            continue
        since.append(target.circuit.outage_ms or target.circuit.since_ms)
        ends.append(_could_close_ms(target, now_ms))
        instants += [at for at in (target.circuit.until_ms, _overdue_ms(target)) if at > now_ms]
    next_ms = min(instants, default=None)
    if not since:
        return Verdict(False, next_ms=next_ms)
    known = [end for end in ends if end is not None]
    return Verdict(True, min(since), max(known) if len(known) == len(ends) else None, next_ms, cause=CIRCUIT)


def _waiting(journey: Journey, backlogs: Sequence[Waiting], now_ms: float) -> Verdict:
    count = sum(backlog.waiting for backlog in backlogs)
    if stopped := [backlog for backlog in backlogs if backlog.state == "STOPPED"]:
        return Verdict(True, int(min(backlog.since_ms or now_ms for backlog in stopped)), cause=STOPPED_PIPE)
    if not count:
        return Verdict(False)
    oldest_ms = min((backlog.oldest_ms for backlog in backlogs if backlog.oldest_ms is not None), default=now_ms)
    limit_s, limit = journey.raise_at_age_s, journey.raise_at_backlog
    if limit_s is not None and now_ms - oldest_ms >= limit_s * 1000:
        cause = AGE
    elif limit is not None and count >= limit:
        cause = BACKLOG
    elif journey.clear_on == "drained" and any(backlog.draining for backlog in backlogs):
        cause = DRAINING
    else:
        return Verdict(False)
    eta_s = _eta_s(backlogs)
    until_ms = None if eta_s is None else _rounded(now_ms + eta_s * 1000)
    return Verdict(True, int(oldest_ms), until_ms, cause=cause)


def _rounded(until_ms: float) -> float:
    """Up to ten seconds: a forecast that moves a little is no news."""
    return -(-until_ms // 10_000) * 10_000


def _eta_s(backlogs: Sequence[Waiting]) -> float | None:
    """Until the last of them has drained; None when that is unknown for one."""
    etas = [backlog.eta_s for backlog in backlogs if backlog.waiting]
    known = [eta for eta in etas if eta is not None]
    return max(known, default=0.0) if len(known) == len(etas) else None


def _could_close_ms(target: Guarded, now_ms: float) -> float | None:
    """When the next test of the target could close its circuit: at the end of the wait, or now while one runs."""
    if target.circuit.state is State.HALF_OPEN:
        return 0
    return target.circuit.until_ms if now_ms < _overdue_ms(target) else None


def _overdue_ms(target: Guarded) -> float:
    """When a test should have begun that ought to follow the wait; after that nobody knows."""
    probe = target.settings.probe
    return target.circuit.until_ms + (probe.interval_s * 1000 if probe else 0) + PROBE_GRACE_MS
