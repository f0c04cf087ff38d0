"""Starts what waits. Every turn it looks at each pipe whose lease it holds, by level:

    lease    the pipes that this process starts; one process a pipe in the fleet
    stand    stopped by an operator or a circuit, or running; a pipe that is started again begins its drain
    start    as many as the governor and `max_in_flight` allow, the oldest first
    report   once a second: backlog, age and forecast, for the delay flag and for pages

What is done is done in the database, in transactions, so a process that dies in between loses nothing: another takes
the lease and finds what waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

from breakers.guard.trials import Trials
from breakers.store.backlogs import BacklogStore
from compositions.models.intents import IntentStatus
from controlplane.kernel import clock
from controlplane.kernel.errors import Problem

from . import claims, leases, looking
from .claims import Turn
from .enriching import enrich
from .lane import Lane

if TYPE_CHECKING:
    from breakers.dataplane import DataPlane
    from compositions.engine.flow import Flow
    from controlplane.config.feed import Snapshot

TICK_S = 0.2
REPORT_S = 1.0
LEASE_S = 6.0
# Counting takes longer the more there is to count.
COUNTED_OFTEN, COUNT_S = 20_000, 5.0
LARGEST_BATCH = 200
# Looks of one turn at intents that stand behind others; each puts as many aside as it could start.
LOOKS = 5
ENRICHING_FOR_S = 60.0

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Dispatcher:
    """One per process that runs executions; on the loop of its data plane."""

    def __init__(self, flow: Flow, plane: DataPlane, *, lease_s: float = LEASE_S) -> None:
        self.owner = plane.id
        self.lanes: dict[str, Lane] = {}
        self.held: set[str] = set()
        self._flow, self._plane, self._lease_s = flow, plane, lease_s
        self._backlogs: BacklogStore = plane.backlog_store
        self._trials = Trials(plane)
        self._desk = ThreadPoolExecutor(1, "pipes-desk")
        self._snapshot: Snapshot | None = None
        self._lease_due = self._report_due = self._count_due = 0.0
        self._wake = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        plane.on_change(self._wake.set)

    # Life -------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn after turn, until cancelled; without the database it waits for it."""
        while True:
            try:
                await self.turn()
            except (DatabaseError, InterfaceError) as error:
                log.warning("pipes_without_database", error=str(error).strip())
            except Exception:  # nothing that nobody foresaw ends the turns
                log.exception("pipes_turn_failed")
            try:
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    def start(self) -> None:
        self._spawn(self.run())

    async def close(self) -> None:
        """Start nothing more and give the leases away; what is being enriched waits again when its lease lapses."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        try:
            await self.ask(leases.release, self.owner)
        except (DatabaseError, InterfaceError) as error:
            log.warning("pipes_left_without_goodbye", error=str(error).strip())
        await asyncio.get_running_loop().run_in_executor(self._desk, lambda: connection.close())
        self._desk.shutdown()

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the database, in the thread that is there for it."""
        return await asyncio.get_running_loop().run_in_executor(self._desk, lambda: _asked(function, *args, **kwargs))

    # A turn -----------------------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        self._follow()
        now = time.monotonic()
        if now >= self._lease_due:
            self._lease_due = now + self._lease_s / 3
            await self._lease()
        held = [lane for slug, lane in self.lanes.items() if slug in self.held]
        if not held:
            return
        looks = await self.ask(looking.look, [lane.slug for lane in held])
        for lane in held:
            lane.running = looks[lane.slug].running
            try:
                await self._go_on(lane, looks[lane.slug].waits)
            except (OperationalError, InterfaceError):
                raise
            except Problem as problem:
                log.error("pipe_not_started", pipe=lane.slug, error=str(problem))
            except Exception:  # the others go on
                log.exception("pipe_not_started", pipe=lane.slug)
        if now >= self._report_due:
            self._report_due = now + REPORT_S
            await self._report(held)

    async def _go_on(self, lane: Lane, waits: bool) -> None:
        lane.govern(self._plane.circuits)
        await self._stand(lane)
        if waits and lane.standing is not None and not lane.standing.stopped:
            await self._start(lane)

    def _follow(self) -> None:
        snapshot = self._plane.config.snapshot
        if snapshot is self._snapshot:
            return
        pieces = snapshot.of("pipe")
        for gone in self.lanes.keys() - pieces.keys():
            del self.lanes[gone]
            self._spawn(self._forget(gone))
        for slug, piece in pieces.items():
            lane = self.lanes.get(slug)
            try:
                if lane is None:
                    self.lanes[slug] = Lane(slug, piece.digest, piece.body)
                    self._lease_due = 0.0
                elif lane.digest != piece.digest:
                    lane.follow(piece.digest, piece.body)
            except (KeyError, TypeError, ValueError) as error:
                log.error("pipe_unusable", pipe=slug, error=repr(error))
        self._snapshot = snapshot

    async def _lease(self) -> None:
        before = self.held
        self.held = await self.ask(leases.lease, self.owner, sorted(self.lanes), self._lease_s) if self.lanes else set()
        for slug in self.held - before:
            self.lanes[slug].standing = self.lanes[slug].held_keys = None  # another had it meanwhile

    async def _stand(self, lane: Lane) -> None:
        """Note when the pipe is stopped or started, and begin to drain what gathered meanwhile."""
        stands, before = lane.stands(self._plane.circuits, self._trials), lane.standing
        if before == stands:
            return
        now = clock.now()
        if before is None:
            known = await self.ask(leases.stands, lane.slug)
            before, lane.since = known if known is not None else (stands, None)
            if not stands.stopped and lane.since is not None:
                self._resume(lane, before.stopped, (now - lane.since).total_seconds())
        elif before.stopped and not stands.stopped:
            lane.governor.restart(time.monotonic())
        if before != stands:
            lane.since = now if before.state != stands.state else lane.since
            await self.ask(leases.keep_standing, lane.slug, stands, lane.since)
            if before.state != stands.state:
                log.info("pipe_moved", pipe=lane.slug, state=stands.state, by=stands.stopped_by, reason=stands.reason)
            self._report_due = 0.0
        lane.standing = stands

    @staticmethod
    def _resume(lane: Lane, was_stopped: bool, for_s: float) -> None:
        """After another process: a drain that it had begun goes on where it was."""
        if was_stopped:
            lane.governor.restart(time.monotonic())
        elif for_s < lane.governor.drain.ramp_s:
            lane.governor.restart(time.monotonic() - for_s)

    # Starting ---------------------------------------------------------------------------------------------------------

    async def _start(self, lane: Lane) -> None:
        if lane.ordered:
            await self._let_next_go(lane)
        for _ in range(LOOKS):
            most = int(min(lane.room, lane.governor.allowance(time.monotonic()), LARGEST_BATCH))
            if most <= 0:
                return
            turn = await (self._prepare(lane, most) if lane.body["enrichment"] else self._start_some(lane, most))
            lane.note_started(turn.started)
            if lane.held_keys is not None:
                lane.held_keys |= turn.aside
            if turn.seen < most:
                return

    async def _let_next_go(self, lane: Lane) -> None:
        if lane.held_keys is None:
            lane.held_keys = await self.ask(looking.held_keys, lane.slug)
        if lane.held_keys:
            lane.held_keys = await self.ask(claims.unhold, lane.slug, lane.held_keys)

    async def _start_some(self, lane: Lane, most: int) -> Turn:
        return await self.ask(claims.start_waiting, lane.plan, most, ordered=lane.ordered, matches=lane.matches)

    async def _prepare(self, lane: Lane, most: int) -> Turn:
        taken, turn = await self.ask(
            claims.prepare, lane.slug, most, self.owner, ENRICHING_FOR_S, ordered=lane.ordered, matches=lane.matches
        )
        for one in taken:
            self._spawn(enrich(self._flow, self.ask, lane, one, self.owner))
        return turn

    # Reporting --------------------------------------------------------------------------------------------------------

    async def _report(self, held: list[Lane]) -> None:
        slugs = [lane.slug for lane in held]
        await self.ask(claims.reclaim, slugs)
        for lane in held:
            if (longest := lane.body["max_age_s"]) is not None:
                await self.ask(looking.age, lane.slug, longest)
        waiting = await self._waiting(held)
        running = await self.ask(looking.counts, slugs, IntentStatus.RUNNING)
        dead = await self.ask(looking.counts, slugs, IntentStatus.DEAD)
        now_ms = self._plane.now_ms()
        reports = {}
        for lane in held:
            lane.counted(waiting[lane.slug], running[lane.slug], dead[lane.slug])
            oldest = await self.ask(looking.oldest, lane.slug) if lane.waiting else None
            reports[lane.slug] = lane.report(now_ms, oldest)
        try:
            await self._backlogs.write(reports)
        except (RedisError, OSError) as error:
            log.warning("backlogs_not_told", error=str(error))

    async def _waiting(self, held: list[Lane]) -> dict[str, int]:
        """A long backlog is counted less often: it is what it was, less what was started since."""
        now = time.monotonic()
        due = [lane.slug for lane in held if lane.waiting < COUNTED_OFTEN or now >= self._count_due]
        if len(due) == len(held):
            self._count_due = now + COUNT_S
        counted = await self.ask(looking.counts, due, IntentStatus.ACCEPTED) if due else {}
        return {lane.slug: counted.get(lane.slug, lane.waiting) for lane in held}

    async def _forget(self, pipe: str) -> None:
        try:
            await self._backlogs.forget(pipe)
        except (RedisError, OSError):
            return  # whoever reads it sees how old it is

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pipe_work_failed", exc_info=error)


def _asked(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    except (DatabaseError, InterfaceError):
        connection.close()
        raise
