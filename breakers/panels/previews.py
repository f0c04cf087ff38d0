"""What an order would do before it is given: traffic, customers, answers from cache, routes; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from breakers.core.states import State

from .rows import Row
from .wording import listed, relative, span, things

AUTOMATIC = "AUTOMATIC"


class Choice(NamedTuple):
    """One thing an operator may order; `effects` are sentences, worst news first."""

    state: str
    title: str
    words: str
    effects: Sequence[str]
    current: bool


def choices(row: Row, routes: Sequence[str] = (), kept: int | None = None) -> list[Choice]:
    """Everything that can be ordered over this circuit now. `kept` answers are in the cache (None: not known)."""
    standing = row.order.state if row.order else None
    offered = [
        Choice(
            State.FORCED_OPEN,
            "Force open",
            "stop all calls",
            _stopped(row, routes, kept),
            standing is State.FORCED_OPEN,
        ),
        Choice(
            State.FORCED_CLOSED,
            "Force closed",
            "let traffic flow, whatever the breaker concludes",
            _flowing(row, "The breaker goes on counting, and what it concludes is shown, but nothing is refused."),
            standing is State.FORCED_CLOSED,
        ),
        Choice(
            State.DISABLED,
            "Disable",
            "let traffic flow and count nothing",
            _flowing(row, "Nothing is counted or probed: the board can't tell whether it works."),
            standing is State.DISABLED,
        ),
    ]
    if row.order:
        offered.append(Choice(AUTOMATIC, "Back to automatic", "lift the order", _automatic(row), False))
    return offered


def _stopped(row: Row, routes: Sequence[str], kept: int | None) -> list[str]:
    effects = [f"All calls stop within a second: {things(row.calls, 'call')} went through in the last minute."]
    if row.journeys:
        effects.append(f"Customers in {listed(row.journeys)} see the delay notice.")
    else:
        effects.append("No journey needs it, so customers see no notice.")
    effects.append(answers(row, kept))
    if routes:
        effects.append(f"Routes concerned: {listed(routes, 5)}.")
    effects.append("No probes run until the order ends.")
    return effects


def answers(row: Row, kept: int | None) -> str:
    """Where answers come from while no call is made."""
    cache, static = row.settings.cache, row.settings.fallback.static
    last = "the static answer" if static is not None else "503 with Retry-After"
    if cache.write_through and cache.max_stale_s:
        oldest = span((cache.ttl_s + cache.max_stale_s) * 1000)
        if kept == 0:
            return f"No answer is in the cache: every request gets {last}."
        held = (
            f"{things(kept, 'answer')} of up to {oldest} old {'is' if kept == 1 else 'are'} in the cache"
            if kept
            else ""
        )
        held = held or f"GETs are answered from cache where an answer up to {oldest} old is kept"
        return f"{held}; everything else gets {last}."
    return f"Nothing is kept for outages: every request gets {last}."


def _flowing(row: Row, counting: str) -> list[str]:
    effects = []
    if row.observed is not State.CLOSED:
        effects.append(
            f"The breaker concludes {row.observed}: calls will run into the failure, up to"
            f" {row.settings.timeout_ms} ms each."
        )
    if row.stopped and row.journeys:
        effects.append(f"The delay notice of {listed(row.journeys)} goes down.")
    return [*effects, counting]


def _automatic(row: Row) -> list[str]:
    match row.observed:
        case State.CLOSED:
            return ["The breaker concludes CLOSED: traffic flows, protected."]
        case State.OPEN:
            when = relative(row.reading.circuit.until_ms, row.now_ms)
            return [f"The breaker concludes OPEN: calls stop, and recovery is tried {when}."]
        case _:
            return ["The breaker is testing recovery: a few calls go through."]
