"""The engine of a process: takes up executions that are due and lives them side by side on one event loop.

What it needs of the outside is in the database. Valkey only makes it look sooner: without it, it looks by itself.

    renew    the lease, for all executions at once
    claim    what is due, as long as there is room
    listen   for nudges
    sweep    what was told and not yet committed; what may be put away
    watch    signals, stops, circuits that have closed, workers that have died
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from redis.exceptions import RedisError

from breakers.dataplane import DataPlane
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json

from . import calling, claims
from .circuits import Circuits
from .life import Life
from .loading import Loaded, load, load_one
from .nudges import channel
from .outcomes import Outcome
from .trials import Trial, Verdict
from .undoing import Undoing
from .versions import Versions
from .writer import Lost, Writer

if TYPE_CHECKING:
    from compositions.engine.flow import Flow

BATCH: Final = 100
LOOK_S: Final = 1.0
# What is started one by one is taken up together.
GATHER_S: Final = 0.005
SWEEP_S: Final = 0.05
WATCH_S: Final = 1.0
QUIET_TURNS: Final = 16
RETRY_S: Final = 0.5

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Engine:
    def __init__(
        self,
        flow: Flow,
        plane: DataPlane,
        *,
        name: str | None = None,
        capacity: int | None = None,
        lease_s: float | None = None,
        fault: Callable[[str, int], None] | None = None,
    ) -> None:
        host, pid = socket.gethostname(), os.getpid()
        self.flow, self._plane = flow, plane
        self.id = name or f"{host[:40]}-{pid}-{secrets.token_hex(3)}"
        self.capacity = settings.SAGA_CONCURRENCY if capacity is None else capacity
        self.lease_s = float(settings.SAGA_LEASE_S if lease_s is None else lease_s)
        self.loop = asyncio.get_running_loop()
        self.writer = Writer(fault)
        self.circuits = Circuits(plane)
        self.undoing = Undoing(plane)
        self.lives: dict[str, Life] = {}
        self.dirty: set[Life] = set()
        self.waiting: set[Life] = set()
        self.ended = 0
        self.has_ended = False
        self._host, self._pid = host, pid
        self._desk = ThreadPoolExecutor(1, "saga-desk")
        self._versions = Versions()
        self._valid_until = 0.0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._late: set[asyncio.Future[Json]] = set()
        self._keeping: set[asyncio.Task[None]] = set()
        self._strays: set[tuple[str, int]] = set()
        self._draining = False
        self._polls = True

    # Life -------------------------------------------------------------------------------------------------------------

    async def start(self, *, polls: bool = True) -> None:
        """Sign in, and take up what is due from now on; without `polls` only what `take` is asked for."""
        self._polls = polls
        await self._sign_in()
        await self.ask(claims.inherit)
        loops = [self._every(self.lease_s / 4, self._renew), self._sweep(), self._every(WATCH_S, self._watch)]
        if polls:
            loops += [self._claim(), self._listen()]
        self._tasks = [self.loop.create_task(work) for work in loops]

    async def close(self, patience_s: float = 10.0) -> None:
        """Take up nothing more, let calls that are under way end within `patience_s`, and give the rest away."""
        self._draining = True
        deadline = time.monotonic() + patience_s
        while self.lives and time.monotonic() < deadline:
            self._let_go([life for life in self.lives.values() if not life.in_flight])
            await asyncio.sleep(0.02)
        self._let_go(list(self.lives.values()))
        if self._late:
            await asyncio.wait(self._late, timeout=max(0.0, deadline - time.monotonic()))
            await asyncio.sleep(0)
        await asyncio.gather(*self._keeping)
        await self._stop_loops()
        await self.writer.close()
        try:
            await self.ask(claims.sign_off, self.id)
        except (DatabaseError, InterfaceError) as error:
            log.warning("left_without_goodbye", error=str(error))
        await self._leave_desk()

    @staticmethod
    def _let_go(lives: list[Life]) -> None:
        """What they were told is written; the rest is for whoever takes them up."""
        for life in lives:
            life.commit()
            life.lose()

    async def abandon(self) -> None:
        """Stop at once and say nothing to anybody, as a process that is killed does."""
        self.writer.give_up()
        for life in list(self.lives.values()):
            life.lose()
        await self._stop_loops()
        await self.writer.close()
        await self._leave_desk()

    async def _stop_loops(self) -> None:
        self.has_ended = True
        work = [*self._tasks, *self._keeping, *(life.task for life in self.lives.values() if life.task)]
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    async def _leave_desk(self) -> None:
        await self.loop.run_in_executor(self._desk, lambda: connection.close())
        self._desk.shutdown()

    async def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the database, in the thread that is there for it."""
        return await self.loop.run_in_executor(self._desk, lambda: _asked(function, *args, **kwargs))

    # Lease ------------------------------------------------------------------------------------------------------------

    async def _sign_in(self) -> None:
        sent = time.monotonic()
        await self.ask(claims.sign_in, self.id, self._host, self._pid, self.lease_s, takes_up=self._polls)
        self._valid_until = sent + self.lease_s

    async def _renew(self) -> None:
        sent = time.monotonic()
        if await self.ask(claims.renew, self.id, self.lease_s, len(self.lives)):
            self._valid_until = sent + self.lease_s
            return
        log.warning("saga_worker_struck_off", worker=self.id, executions=len(self.lives))
        for life in list(self.lives.values()):
            life.lose()
        await self._sign_in()

    def check_lease(self) -> None:
        """Right before a call: raises Lost when others may have taken over by now."""
        if time.monotonic() > self._valid_until or self._draining:
            raise Lost

    # Taking up --------------------------------------------------------------------------------------------------------

    def nudge(self) -> None:
        self._wake.set()

    async def _claim(self) -> None:
        while True:
            wait_s = LOOK_S
            try:
                wait_s = await self._take_up()
            except (DatabaseError, InterfaceError) as error:
                log.warning("sagas_not_claimed", error=str(error))
            except Exception:  # a worker that renews its lease and claims nothing would not be missed
                log.exception("sagas_not_claimed")
            if wait_s > 0:
                try:
                    async with asyncio.timeout(wait_s):
                        await self._wake.wait()
                    await asyncio.sleep(GATHER_S)
                except TimeoutError:
                    pass
            self._wake.clear()

    async def _take_up(self) -> float:
        """Seconds until it is worth looking again."""
        room = min(self.capacity - len(self.lives), BATCH)
        if room <= 0 or time.monotonic() > self._valid_until:
            return LOOK_S
        loaded, next_s = await self.ask(load, self.id, room, self._versions, self._configuration)
        for one in loaded:
            self._begin(one)
        return 0.0 if len(loaded) == room else min(LOOK_S, next_s)

    async def take(self, execution: str) -> Life | None:
        """Take up this one, if it is free; it begins to live when the caller gives up its turn."""
        one = await self.ask(load_one, self.id, execution, self._versions, self._configuration)
        return None if one is None else self._begin(one)

    async def run_probe(self, execution: str, target: str, epoch: int) -> Verdict:
        """Run it for real, as a trial of a target that is half open. Returns when the verdict is known; whatever is
        left of the execution goes on."""
        trial = Trial(self._plane, target, epoch)
        life = await self.take(execution)
        if life is None:
            trial.end("the execution has ended, or another worker has it")
        else:
            life.trial = trial
            assert life.task is not None
            life.task.add_done_callback(lambda _: trial.end("the execution came to no call of the target"))
        return await trial.verdict

    @property
    def _configuration(self) -> int:
        return self._plane.config.snapshot.version

    def _begin(self, one: Loaded) -> Life:
        life = Life(self, one.row, one.version, one.memory, one.number)
        self.lives[one.row.id] = life
        life.task = self.loop.create_task(life.live())
        life.task.add_done_callback(lambda task: self._gone(life, task))
        return life

    def _gone(self, life: Life, task: asyncio.Task[None]) -> None:
        if self.lives.get(life.row.id) is life:
            del self.lives[life.row.id]
        self.dirty.discard(life)
        self.waiting.discard(life)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("life_failed", execution=life.row.id, exc_info=error)
        if len(self.lives) < self.capacity:
            self._wake.set()

    def note_end(self, life: Life, outcome: Outcome) -> None:
        self.ended += 1

    # Calls that nobody waits for any more -----------------------------------------------------------------------------

    def detach(self, work: asyncio.Future[Json], execution: str, task: TaskCall) -> None:
        self._late.add(work)
        work.add_done_callback(lambda ended: self._came_late(ended, execution, task))

    def _came_late(self, work: asyncio.Future[Json], execution: str, task: TaskCall) -> None:
        self._late.discard(work)
        told = calling.late(task, work)
        if told is not None and not self.has_ended:
            keeping = self.loop.create_task(self._keep_late(execution, told))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)

    async def _keep_late(self, execution: str, told: str) -> None:
        try:
            await self.ask(claims.keep_late, execution, told)
        except (DatabaseError, InterfaceError) as error:
            log.warning("late_result_not_kept", execution=execution, error=str(error))

    # Keeping true -----------------------------------------------------------------------------------------------------

    async def _every(self, period_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            try:
                await work()
            except (DatabaseError, InterfaceError) as error:
                log.warning("sagas_without_database", error=str(error))
            except Exception:
                log.exception("sagas_not_kept_true")

    async def _sweep(self) -> None:
        """Commit what lies about; put away what has been quiet since the last turn."""
        seen: dict[Life, int] = {}
        while True:
            await asyncio.sleep(SWEEP_S)
            late = time.monotonic() - SWEEP_S
            for life in list(self.dirty):
                if life.dirty_since < late:
                    life.commit()
            candidates = [life for life in self.waiting if life.may_be_put_away and seen.get(life) == life.activity]
            if candidates:
                # Whatever has come to an end reaches what waits for it within a few turns of the loop.
                for _ in range(QUIET_TURNS):
                    await asyncio.sleep(0)
                for life in candidates:
                    if life.may_be_put_away and seen[life] == life.activity:
                        life.put_away()
            seen = {life: life.activity for life in self.waiting}

    async def _watch(self) -> None:
        await self._hear_signals(list(self.lives))
        targets = await self.ask(claims.parked_targets)
        leads = bool(targets) and await self.ask(claims.leads, self.id)
        for target in targets:
            most = self.circuits.ramp(target, WATCH_S, leads=leads)
            if most and await self.ask(claims.wake_parked, target, most):
                self._wake.set()
        if await self.ask(claims.inherit):
            self._wake.set()
        strays = {(id, fence) for id, fence in await self.ask(claims.owned, self.id) if id not in self.lives}
        if again := strays & self._strays:  # twice in a row: it is not on its way here
            await self.ask(claims.give_back, self.id, again)
        self._strays = strays

    async def _hear_signals(self, executions: list[str]) -> None:
        asked = [id for id in executions if id in self.lives]
        if not asked:
            return
        found = await self.ask(claims.signals_of, asked)
        for id in asked:
            life = self.lives.get(id)
            signals, fence, status = found.get(id, (0, -1, ""))
            if life is None:
                continue
            if fence != life.row.fence or status != "RUNNING":
                life.lose()
            else:
                life.signal(signals)

    async def _listen(self) -> None:
        valkey = self._plane.valkey
        while True:
            pubsub = valkey.pubsub(ignore_subscribe_messages=True)
            try:
                await pubsub.subscribe(channel())
                self._wake.set()
                while True:
                    message = await pubsub.get_message(timeout=5.0)
                    if message is not None:
                        self._wake.set()
                        await self._hear_signals(json.loads(message["data"]))
            except (RedisError, OSError, DatabaseError, InterfaceError, ValueError):
                await asyncio.sleep(RETRY_S)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]


def _asked(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    except (DatabaseError, InterfaceError):
        connection.close()
        raise
