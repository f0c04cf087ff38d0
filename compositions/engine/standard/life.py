"""One life of an execution: from the moment a worker takes it up until it ends, is put away, or is lost.

start -> [states: call, tell, commit, ...] -> end
                          |-> put away: nothing is in flight and the next thing is far off
                          |-> put off: a step failed for reasons outside; later once more
                          |-> lost: somebody else has it
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from django.db import DatabaseError, InterfaceError

from compositions.asl import errors as asl_errors
from compositions.asl import interpreter
from compositions.asl.frames import ACCOUNT
from compositions.asl.limits import Limits
from compositions.asl.ports import Key, Place
from compositions.asl.timestamps import written as time_written
from compositions.asl.values import Json
from compositions.models import Execution, TaskToken
from controlplane.kernel import clock

from . import identity
from .calling import Calls
from .claims import Claimed
from .ends import Ended
from .holding import Held, Park, held_before
from .journal import PUT_OFF, TRIED, Happening, Memory, Told, storable, written
from .outcomes import Outcome, judge
from .ports import PATIENCE_S, JournalledPorts
from .statements import End, Line, Release
from .trials import Trial, TrialFailed
from .versions import Version
from .writer import Job, Lost

if TYPE_CHECKING:
    from .worker import Engine

LIMITS: Final = Limits()
FIRST_PUT_OFF_S: Final = 5.0
LONGEST_PUT_OFF_S: Final = 300.0
# An execution that waits for a circuit and for something else as well looks at the circuit so often.
LOOK_AGAIN_S: Final = 15.0
URGENT: Final = 1

log = structlog.get_logger(__name__)


class Life:
    def __init__(self, engine: Engine, row: Claimed, version: Version, memory: Memory, number: int) -> None:
        self.engine, self.row, self.version, self.memory = engine, row, version, memory
        self.tally = memory.tally
        self.state = memory.checkpoint.state if memory.checkpoint else ""
        self.began_at = memory.tally.redriven_at or row.started_at.timestamp()
        self.calls = Calls(self)
        self.in_flight = 0
        self.activity = 0
        self.waits: dict[Place, float | None] = {}
        self.parks: dict[Place, Park] = {}
        self.held: dict[tuple[Key, int], Held] = {}
        self.holds: dict[tuple[Key, int], int] = {}
        held_before(memory, self.held, self.holds)
        self.trial: Trial | None = None
        self.task: asyncio.Task[None] | None = None
        self.dirty_since = 0.0
        self._number = number
        self._told: list[Happening] = []
        self._begins = self._firm = False
        self._tasks: list[TaskToken] = []
        self._children: list[Execution] = []
        self._closed: list[tuple[str, str]] = []
        self._last: asyncio.Future[None] | None = None
        self._signalled: asyncio.Future[None] = engine.loop.create_future()
        self.is_leaving = self._is_ending = False
        self._waited: dict[Place, float | None] = {}
        self._parked: dict[Place, Park] = {}

    # What the ports tell ----------------------------------------------------------------------------------------------

    def tell(self, place: Place, told: Told, *, firm: bool = False) -> None:
        """Something happened. `firm`: nothing is done that rests on it until it is committed."""
        if not self._told:
            self.dirty_since = time.monotonic()
            self.engine.dirty.add(self)
        self._told.append((place.what, place.path, place.attempt, int(time.time() * 1000), told))
        self._firm = self._firm or firm
        self.activity += 1

    def tell_once(self, place: Place, told: Told) -> None:
        if place not in self.memory.known:
            self.tell(place, told)

    def begin_at(self, place: Place, told: dict[str, Any]) -> None:
        """The same for a checkpoint; what is counted goes on while it waits to be written."""
        self.tell(place, {**told, "tally": msgspec.structs.replace(self.tally)})
        self._begins = True

    def add_task(self, task: TaskToken) -> None:
        self._tasks.append(task)

    def add_child(self, child: Execution) -> None:
        self._children.append(child)

    def close_task(self, token: str, status: str) -> None:
        self._closed.append((token, status))

    async def settle(self) -> None:
        """Returns when everything firm that was told is committed. Raises Lost."""
        if self._firm:
            self.commit()
        if self._last is not None:
            await self._committed(self._last)

    def commit(self) -> None:
        """Hand over what was told; nobody waits for it here."""
        if self._told:
            self._last = self._submit(self._job())

    async def _committed(self, commit: asyncio.Future[None]) -> None:
        with self.busy():
            await asyncio.shield(commit)  # others may wait for the same commit

    def _job(self) -> Job:
        line = None
        if self._told:
            self._number += 1
            told = written(self._told)
            line = Line(self.row.id, self.row.fence, self._number, clock.now(), self._begins, told)
        job = Job(line)
        job.tasks, job.children, job.closed = self._tasks, self._children, self._closed
        self._told, self._tasks, self._children, self._closed = [], [], [], []
        self._begins = self._firm = False
        self.engine.dirty.discard(self)
        return job

    def _submit(self, job: Job) -> asyncio.Future[None]:
        done = self.engine.writer.submit(job)
        done.add_done_callback(self._heard)
        return done

    def _heard(self, commit: asyncio.Future[None]) -> None:
        if not commit.cancelled() and commit.exception() is not None:
            self.lose()

    # Waiting ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is under way that must not be put away."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self.activity += 1

    @contextmanager
    def idle(self) -> Iterator[None]:
        """The opposite, inside it."""
        self.in_flight -= 1
        try:
            yield
        finally:
            self.in_flight += 1

    async def wait(self, until: float, place: Place, park: Park | None = None) -> None:
        """Wait until a time, in seconds since 1970."""
        left_s = until - time.time()
        if left_s > 0:
            await self._waiting(place, until, asyncio.sleep(left_s), park)

    async def wait_for_signal(self, place: Place) -> None:
        """Wait until something outside has happened to this execution."""
        await self._waiting(place, None, asyncio.shield(self._signalled))

    async def wait_for_circuit(self, place: Place, park: Park) -> None:
        """Wait until this target may be called again, as far as this process knows."""
        await self._waiting(place, None, self.engine.circuits.passable(park.target), park)

    async def _waiting(
        self, place: Place, until: float | None, waiting: Awaitable[None], park: Park | None = None
    ) -> None:
        self.waits[place] = until
        if park is not None:
            self.parks[place] = park
        self.activity += 1
        self.engine.waiting.add(self)
        try:
            await waiting
        finally:
            self.waits.pop(place, None)
            self.parks.pop(place, None)
            self.activity += 1
            if not self.waits:
                self.engine.waiting.discard(self)

    def signal(self, signals: int) -> None:
        if signals != self.row.signals:
            self.row.signals = signals
            self._signalled.set_result(None)
            self._signalled = self.engine.loop.create_future()

    @property
    def may_be_put_away(self) -> bool:
        """Nothing is in flight, and nothing that it waits for is near."""
        if self.in_flight or not self.waits or self.is_leaving:
            return False
        soon = time.time() + PATIENCE_S
        return all(until is None or until > soon for until in self.waits.values())

    def put_away(self) -> None:
        if self.task is not None and not self.is_leaving:
            self.is_leaving = True
            self._waited, self._parked = dict(self.waits), dict(self.parks)
            self.task.cancel()

    def lose(self) -> None:
        """Somebody else has it, or it has ended: nothing of this life is written any more."""
        if self.task is not None and not self.task.done() and not self._is_ending:
            self.task.cancel()

    # Living -----------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        try:
            ended = await self._run()
        except asyncio.CancelledError:
            if not self.is_leaving:
                raise
            await self._leave()
            return
        except Lost:
            return
        except (DatabaseError, InterfaceError) as error:  # it is due again once somebody notices that it is not carried
            log.warning("execution_without_database", execution=self.row.id, error=str(error))
            return
        except TrialFailed as failed:
            await self._park_after_trial(str(failed))
            return
        except Exception as fault:  # ours, or a definition that asks for what is not served here
            log.error("execution_fault", execution=self.row.id, state=self.state, exc_info=fault)
            ended = {"status": "FAILED", "error": asl_errors.RUNTIME, "cause": f"{type(fault).__name__}: {fault}"}
            await self._conclude(judge(ended, self.row, self.tally, is_fail_state=False, is_fault=True))
            return
        is_fail_state = self.version.kind(self.state) == "Fail"
        await self._conclude(judge(ended, self.row, self.tally, is_fail_state=is_fail_state, is_fault=False))

    async def _run(self) -> dict[str, Any]:
        row = self.row
        if self.memory.checkpoint is None:
            await self.calls.look_ahead()
        shown: dict[str, Json] = {
            "Id": identity.arn(row.composition, row.id),
            "Name": row.name or row.id,
            "StartTime": time_written(row.started_at.timestamp()),
            "RoleArn": "arn:aws:iam::000000000000:role/workflow",
            "RedriveCount": row.redrive_count,
        }
        if row.metadata:
            shown["Metadata"] = msgspec.json.decode(row.metadata)
        return await interpreter.run(
            self.version.machine,
            msgspec.json.decode(row.input),
            JournalledPorts(self),
            limits=LIMITS,
            execution=shown,
            state_machine={"Id": f"{ACCOUNT}:stateMachine:{row.composition}", "Name": row.composition},
            resume=self.memory.checkpoint,
        )

    async def _conclude(self, outcome: Outcome) -> None:
        self._is_ending = True  # the last commit says by itself whether it was lost
        try:
            if outcome.status is None:
                await self._put_off(outcome)
            else:
                await self._end(outcome)
        except Lost:
            return

    async def _end(self, outcome: Outcome) -> None:
        row, now = self.row, clock.now()
        output, error, cause = storable(outcome.output), storable(outcome.error[:200]), storable(outcome.cause)
        job = self._job()
        tally = self.tally
        status = str(outcome.status)
        job.end = End(
            *(row.id, row.fence, status, output, error, cause, now, tally.caught, tally.done, tally.undone),
        )
        job.ended = Ended(
            *(row.id, row.composition, status, output, error, cause),
            *(row.pipe, row.intent, row.parent, row.parent_waits, now),
        )
        await self._committed(self._submit(job))
        self.engine.note_end(self, outcome)

    async def _put_off(self, outcome: Outcome) -> None:
        """A step failed for reasons outside, and nothing catches it: what failed is forgiven and tried again later."""
        delay_s = min(FIRST_PUT_OFF_S * 2**self.row.park_count, LONGEST_PUT_OFF_S)
        self.row.park_count += 1
        told = {"error": outcome.error, "cause": outcome.cause, "state": self.state, "count": self.row.park_count}
        self.tell(Place((), 0, PUT_OFF), {**told, "delay_s": delay_s})
        why = f"{self.state} failed: {outcome.error}"
        park = Park(self.calls.last_target, why[:500], clock.now())
        await self._release(clock.now() + timedelta(seconds=delay_s), park)

    async def _park_after_trial(self, detail: str) -> None:
        """Its call was the trial of a target that has not recovered: it waits at this step for the next time."""
        assert self.trial is not None
        target = self.trial.target
        self.row.trial_count += 1
        told = {"target": target, "detail": detail, "state": self.state, "count": self.row.trial_count}
        self.tell(Place((), 0, TRIED), told)
        why = f"{self.state} was tried and failed: {detail}"
        try:
            await self._release(None, Park(target, why, clock.now()))
        except Lost:
            return

    async def _leave(self) -> None:
        try:
            wake_at, park = self._next()
            await self._release(wake_at, park)
        except Lost:
            return

    def _next(self) -> tuple[datetime | None, Park | None]:
        """When to be woken, and what it is parked on, from what it waited for when it was put away."""
        untils = [until for until in self._waited.values() if until is not None]
        circuits = [place for place, until in self._waited.items() if until is None and place in self._parked]
        targets = {self._parked[place].target for place in circuits}
        if circuits and (untils or len(targets) > 1):
            untils.append(time.time() + LOOK_AGAIN_S)
        parks = sorted(self._parked.values(), key=lambda park: park.since)
        return (clock.from_ms(int(min(untils) * 1000)) if untils else None), parks[0] if parks else None

    async def _release(self, wake_at: datetime | None, park: Park | None) -> None:
        row, tally = self.row, self.tally
        job = self._job()
        job.release = Release(
            *(row.id, row.fence, wake_at, row.signals),
            park.target if park else "",
            storable(park.why[:500]) if park else "",
            park.since if park else None,
            row.park_count,
            row.trial_count,
            max(row.priority, URGENT) if tally.undoing else row.priority,
            *(tally.caught, tally.done, tally.undone),
        )
        await self._committed(self._submit(job))
