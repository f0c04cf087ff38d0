"""The one place where a circuit's next state is decided.

Python decides here, Lua counts in the store. Every function takes what is known and returns the move to attempt, or
None; the store makes it only while the circuit is still in the epoch that was looked at.
"""

from collections.abc import Sequence

import msgspec

from .policies import Totals
from .settings import BreakerSettings, Override
from .states import State


class Circuit(msgspec.Struct, frozen=True):
    """What all processes share about one circuit; times in ms of the store's clock.

    `epoch` is the server time of the last move (0: never moved). `until_ms` ends the wait of an OPEN circuit.
    `openings` counts the openings of one outage, which began at `outage_ms`. `passed` and `granted` count the trial
    calls of a HALF_OPEN circuit.
    """

    state: State = State.CLOSED
    epoch: int = 0
    since_ms: int = 0
    until_ms: int = 0
    reason: str = ""
    openings: int = 0
    outage_ms: int = 0
    streak: int = 0
    passed: int = 0
    granted: int = 0


class Move(msgspec.Struct, frozen=True):
    """A move to attempt: everything that the store must write when it still finds `epoch`."""

    epoch: int
    to: State
    reason: str
    wait_ms: int = 0
    openings: int = 0
    outage: bool = False  # the outage goes on (or begins): keep its start, else clear it


def effective(circuit: Circuit, breaker: BreakerSettings, override: Override | None, now_ms: float) -> State:
    """What workers act on: an operator's word first, then the mode, then what was observed."""
    if override is not None and override.active(now_ms):
        return override.state
    if breaker.mode == "observe":
        return State.METRICS_ONLY
    return circuit.state


def after_counts(
    breaker: BreakerSettings, circuit: Circuit, streak: int, windows: Sequence[Totals], retry_after_ms: int = 0
) -> Move | None:
    """After outcomes were added to a CLOSED circuit: open it when a policy says so.

    `windows` holds the totals of `breaker.windows`, in that order. A provider's Retry-After lengthens the wait.
    """
    if circuit.state is not State.CLOSED:
        return None
    by_window = dict(zip(breaker.windows, windows, strict=True))
    for policy in breaker.policies:
        window = policy.window()
        totals = by_window[window] if window else Totals(streak=streak)
        if reason := policy.verdict(totals):
            return _open(breaker, circuit, reason, retry_after_ms)
    return None


def after_wait(circuit: Circuit, now_ms: float) -> Move | None:
    """An OPEN circuit whose wait is over becomes HALF_OPEN."""
    if circuit.state is not State.OPEN or now_ms < circuit.until_ms:
        return None
    return half_open(circuit, "the wait is over")


def half_open(circuit: Circuit, reason: str) -> Move:
    return Move(circuit.epoch, State.HALF_OPEN, reason, openings=circuit.openings, outage=True)


def after_trial(breaker: BreakerSettings, circuit: Circuit, *, passed: int, failure: str | None) -> Move | None:
    """After a trial call of real traffic: any failure opens again, `success_threshold` successes close."""
    if circuit.state is not State.HALF_OPEN:
        return None
    if failure is not None:
        return _open(breaker, circuit, f"a trial call failed: {failure}")
    if passed >= breaker.success_threshold:
        return Move(circuit.epoch, State.CLOSED, f"{passed} trial calls passed")
    return None


def after_round(breaker: BreakerSettings, circuit: Circuit, *, count: int, failure: str | None) -> Move | None:
    """After a probe round: all of its calls must have passed, or the circuit waits another time."""
    if circuit.state is not State.HALF_OPEN:
        return None
    if failure is not None:
        return _open(breaker, circuit, f"a probe failed: {failure}")
    return Move(circuit.epoch, State.CLOSED, f"all {count} probes passed")


def after_half_open(breaker: BreakerSettings, circuit: Circuit, now_ms: float) -> Move | None:
    """A HALF_OPEN circuit that reached no verdict in time counts as failed: no lost probe holds it for ever."""
    limit_ms = breaker.max_wait_duration_in_half_open_state_s * 1000
    if circuit.state is not State.HALF_OPEN or now_ms < circuit.since_ms + limit_ms:
        return None
    return _open(breaker, circuit, f"no verdict within {limit_ms / 1000:g} s of being half open")


def after_alarm(breaker: BreakerSettings, circuit: Circuit, reason: str) -> Move | None:
    """After somebody outside has seen calls fail: as if a policy had said so. What is open already stays as it is."""
    return None if circuit.state is State.OPEN else _open(breaker, circuit, reason)


def _open(breaker: BreakerSettings, circuit: Circuit, reason: str, retry_after_ms: int = 0) -> Move:
    openings = circuit.openings + 1
    growth = breaker.wait_backoff_multiplier ** (openings - 1)
    longest = breaker.max_wait_duration_in_open_state_s * 1000
    wait_ms = min(max(breaker.wait_duration_in_open_state_s * 1000 * growth, retry_after_ms), longest)
    return Move(circuit.epoch, State.OPEN, reason, wait_ms=int(wait_ms), openings=openings, outage=True)
