"""This process's copy of every circuit: read without waiting, corrected by pushes and by a read every second."""

import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from breakers.core import machine
from breakers.core.machine import Circuit
from breakers.core.settings import Override, TargetSettings
from breakers.core.states import State

from .recorder import Recorder


class Guarded:
    """One target as this process sees it.

    Kept up to date for the request path: `state` is the effective state; `counting` tells whether outcomes are judged
    now, that is, the breaker has concluded CLOSED and no operator has switched it off.
    """

    __slots__ = (
        "circuit",
        "counting",
        "in_flight",
        "learned_at",
        "override",
        "recorder",
        "settings",
        "slots",
        "slug",
        "state",
    )

    def __init__(self, settings: TargetSettings, worker: str, stirred: Callable[[], None]) -> None:
        self.slug = settings.slug
        self.settings = settings
        self.override: Override | None = None
        self.circuit = Circuit()
        self.state = State.CLOSED
        self.counting = True
        self.recorder = Recorder(settings.slug, worker, stirred)
        self.in_flight = 0
        self.learned_at = 0.0
        self.slots: tuple[int, ...] = tuple(contract.id for contract in settings.contracts)

    def effective(self, now_ms: float) -> State:
        return machine.effective(self.circuit, self.settings.breaker, self.override, now_ms)


class Circuits(dict[str, Guarded]):
    """All guarded targets by slug.

    `changed` is called with each one whose state or circuit has changed, `stirred` when one has something to tell.
    """

    def __init__(
        self,
        worker: str,
        now_ms: Callable[[], float],
        changed: Callable[[Guarded], None],
        stirred: Callable[[], None],
    ) -> None:
        super().__init__()
        self._worker, self._now_ms, self._changed, self._stirred = worker, now_ms, changed, stirred

    def configure(self, targets: Iterable[TargetSettings], overrides: Mapping[str, Override]) -> list[Guarded]:
        """Take over a new configuration; counts and state of targets that stay are kept. Returns what left."""
        wanted = {target.slug: target for target in targets}
        gone = [self.pop(slug) for slug in list(self) if slug not in wanted]
        for slug, settings in wanted.items():
            guarded = self.get(slug)
            if guarded is None:
                guarded = self[slug] = Guarded(settings, self._worker, self._stirred)
            guarded.settings = settings
            guarded.slots = tuple(contract.id for contract in settings.contracts)
            guarded.override = overrides.get(slug)
            self._settle(guarded)
        return gone

    def learn(self, slug: str, circuit: Circuit, *, read_at: float | None = None) -> None:
        """Take over what the store says.

        A push or an answer is newer than what is known when its epoch is higher. A plain read, begun at `read_at`
        (monotonic), may also bring a lower epoch - the store was flushed - unless something was learned meanwhile.
        """
        guarded = self.get(slug)
        if guarded is None:
            return
        known = guarded.circuit
        if circuit.epoch < known.epoch and (read_at is None or read_at <= guarded.learned_at):
            return
        guarded.learned_at = time.monotonic()
        if circuit == known:
            return
        guarded.circuit = circuit
        guarded.recorder.enter(circuit.epoch)
        if circuit.epoch != known.epoch:
            self._settle(guarded)
            self._changed(guarded)

    def streak(self, slug: str, streak: int) -> None:
        """The fleet's run of failures began or ended; while it lasts, a success is flushed at once."""
        guarded = self.get(slug)
        if guarded is not None:
            guarded.circuit = msgspec.structs.replace(guarded.circuit, streak=streak)

    def lapse(self) -> None:
        """Overrides end by themselves, on the server's time, in every process."""
        now_ms = self._now_ms()
        for guarded in self.values():
            if guarded.override is not None and not guarded.override.active(now_ms):
                guarded.override = None
                self._settle(guarded)
                self._changed(guarded)

    def _settle(self, guarded: Guarded) -> None:
        guarded.state = guarded.effective(self._now_ms())
        guarded.counting = guarded.circuit.state is State.CLOSED and guarded.state is not State.DISABLED
