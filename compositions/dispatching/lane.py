"""One pipe in the process that starts its intents: its plan, how it stands, and how fast it may go."""

import time
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from breakers.core.states import STOPPED, State
from breakers.guard.circuits import Circuits
from breakers.guard.trials import Trials
from breakers.store.backlogs import Backlog
from compositions.governing import Drain, Governor
from compositions.patterns import matches
from compositions.standing import Standing, standing
from controlplane.kernel.clock import to_ms

from .claims import Plan

# A single failure is no failure of the downstream; two in a row, while a backlog drains, are a reason to wait.
STREAK = 2
SMOOTHED = 0.3


class Lane:
    def __init__(self, slug: str, digest: str, body: Mapping[str, Any]) -> None:
        self.slug = slug
        self.governor = Governor(Drain())
        self.standing: Standing | None = None
        self.since: datetime | None = None
        self.waiting = self.running = self.dead = 0
        self.held_keys: set[str] | None = None  # not known yet
        self.preparing = 0
        self.ended_per_s: float | None = None
        self._ended, self._last_running, self._counted_at = 0, 0, time.monotonic()
        self._streaks: dict[str, int] = {}
        self.follow(digest, body)

    def follow(self, digest: str, body: Mapping[str, Any]) -> None:
        """Take over another version of the pipe; a drain that is under way goes on."""
        self.digest, self.body = digest, body
        self.governor.drain = msgspec.convert(body["drain"], Drain)
        self.plan = Plan(self.slug, body["target"], body["when_open"], body["max_attempts"])
        self.ordered = bool(body["order_by"])
        self.matches = partial(matches, body["filter"]) if body["filter"] else None
        self.targets: tuple[str, ...] = tuple(body["targets"])

    # State ------------------------------------------------------------------------------------------------------------

    def stands(self, circuits: Circuits, trials: Trials) -> Standing:
        """By level, from the circuits as they are now. Where real traffic tries recovery, it is this pipe's too."""
        states: dict[str, State] = {}
        for target in self.targets:
            guarded = circuits.get(target)
            if guarded is not None and guarded.state in STOPPED and not trials.possible(guarded):
                states[target] = guarded.state
        return standing(self.body, states)

    def govern(self, circuits: Circuits) -> None:
        """Bound the drain by the contracts of everything that an intent calls, and look for renewed failures.

        Counted are the calls of an intent that goes well: what is tried again or undone waits for its slots itself, and
        should all the others wait because something might, most of a contract would lie idle.
        """
        rates = []
        for target, calls in self.body.get("usual", self.body["calls"]).items():
            guarded = circuits.get(target)
            if guarded is not None and calls:
                rates += [contract.limit / contract.period_s / calls for contract in guarded.settings.contracts]
        self.governor.contracts_per_s = min(rates, default=None)
        for target in self.targets:
            streak = circuits[target].circuit.streak if target in circuits else 0
            if self.governor.draining and streak >= STREAK and streak > self._streaks.get(target, 0):
                self.governor.failed(time.monotonic())
            self._streaks[target] = streak

    # Counting ---------------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many more may be under way."""
        return int(self.body["max_in_flight"]) - self.running

    def note_started(self, count: int) -> None:
        self.running += count
        self.waiting = max(0, self.waiting - count)
        self._ended += count
        self.governor.spend(count)

    def counted(self, waiting: int, running: int, dead: int) -> None:
        """Once a second: how many ended meanwhile, and whether the drain is over."""
        now = time.monotonic()
        self._ended -= running - self._last_running
        per_s = max(0, self._ended) / max(0.1, now - self._counted_at)
        self.ended_per_s = per_s if self.ended_per_s is None else SMOOTHED * per_s + (1 - SMOOTHED) * self.ended_per_s
        self._ended, self._counted_at, self._last_running = 0, now, running
        if dead > self.dead and self.governor.draining:
            self.governor.failed(now)
        if not waiting:
            self.governor.drained()
        self.waiting, self.running, self.dead = waiting, running, dead

    def report(self, now_ms: float, oldest: datetime | None) -> Backlog:
        """What the fleet is told of this pipe."""
        now, stands = time.monotonic(), self.standing or Standing("RUNNING")
        saturated = self.room <= 0
        if stands.stopped_by == "operator":
            eta_s = None if self.waiting else 0.0
        elif stands.stopped:
            eta_s = self.governor.eta_after_restart_s(self.waiting)
        else:
            observed = self.ended_per_s if saturated else None
            eta_s = self.governor.eta_s(now, self.waiting, observed_per_s=observed)
        paused_s = self.governor.paused_until_s - now
        return Backlog(
            waiting=self.waiting,
            running=self.running,
            dead=self.dead,
            oldest_ms=None if oldest is None else to_ms(oldest),
            eta_s=eta_s,
            draining=bool(self.waiting) and not stands.stopped and self.governor.draining,
            rate_per_s=self.governor.rate(now),
            paused_until_ms=now_ms + paused_s * 1000 if paused_s > 0 else None,
            state=stands.state,
            stopped_by=stands.stopped_by,
            reason=stands.reason,
            since_ms=to_ms(self.since) if self.since else 0,
            journey=self.body["journey"],
            at_ms=now_ms,
        )
