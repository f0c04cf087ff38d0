"""Whether a journey is delayed, since when and for how long: pure judgement over circuits and operators' words."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from breakers.core.machine import Circuit
from breakers.core.settings import Override, TargetSettings
from breakers.core.states import STOPPED, State

# A test of an open circuit that is this much overdue may never come: nobody knows then when the delay ends.
PROBE_GRACE_MS = 2000


class Journey(msgspec.Struct, frozen=True):
    """What a customer is doing, and the targets it needs; `messages` by language."""

    title: str = ""
    targets: tuple[str, ...] = ()
    severity: str = "warning"
    messages: dict[str, str] = {}


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
    """What holds for a journey now. `until_ms` is when it could end (None: unknown), `next_ms` when to look again."""

    delayed: bool
    since_ms: int | None = None
    until_ms: float | None = None
    next_ms: float | None = None
    by_operator: bool = False


class Guarded(Protocol):
    settings: TargetSettings
    circuit: Circuit
    override: Override | None

    def effective(self, now_ms: float) -> State: ...


def judge(targets: Iterable[Guarded], word: Word | None, now_ms: float) -> Verdict:
    """Delayed while an operator says so or, unless one says otherwise, while calls to any target are stopped."""
    if word is not None and word.active(now_ms):
        until = word.expires_at_ms if word.delayed else None
        return Verdict(word.delayed, word.since_ms if word.delayed else None, until, word.expires_at_ms, True)
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
    return Verdict(True, min(since), max(known) if len(known) == len(ends) else None, next_ms)


def _could_close_ms(target: Guarded, now_ms: float) -> float | None:
    """When the next test of the target could close its circuit: at the end of the wait, or now while one runs."""
    if target.circuit.state is State.HALF_OPEN:
        return 0
    return target.circuit.until_ms if now_ms < _overdue_ms(target) else None


def _overdue_ms(target: Guarded) -> float:
    """When a test should have begun that ought to follow the wait; after that nobody knows."""
    probe = target.settings.probe
    return target.circuit.until_ms + (probe.interval_s * 1000 if probe else 0) + PROBE_GRACE_MS
