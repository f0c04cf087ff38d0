"""The calls of a durable execution: made once their grounds are on the disk, held while we refuse, waited for durably.

    committed -> may we? -> the call, which goes on even when nobody waits for it any more -> result
                  |-> no, and the execution holds: parked until the circuit closes or a slot is free, then asked again

A call that was given up for its timeout is not cut off: it ends when its target's own timeout says, keeps its slot
until then, and its result is kept as late.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from compositions.asl.ports import Key, Place, TaskCall
from compositions.asl.values import Json, text
from compositions.engine.catalog import Compiled
from compositions.models import Execution
from compositions.models.executions import ExecutionStatus
from compositions.resources import WAITS_FOR_TOKEN, CallContext, Child, ResourceError, serve
from controlplane.kernel import clock

from . import claims, identity
from .holding import Held, Park
from .journal import written
from .tokens import Tokens

if TYPE_CHECKING:
    from .life import Life
    from .ports import Clock

OPEN: Final = "Breaker.Open"
# Our own refusals: nothing was called, and asking again later may help.
HELD: Final = frozenset((OPEN, "Contract.Exhausted", "Target.Overloaded", "Store.Unavailable"))
SHORTEST_HOLD_S: Final = 0.1
_NESTED: Final = ("arn:aws:states:::states:startExecution", "arn:aws:states:::aws-sdk:sfn:start")
_SECRET_HEADERS: Final = frozenset(("authorization", "cookie", "proxy-authorization", "x-api-key"))


class Calls:
    def __init__(self, life: Life) -> None:
        self._life = life
        self._tokens = Tokens(life, self._call)
        self.last_target = ""

    def is_durable(self, task: TaskCall) -> bool:
        """Whether its end may be so far off that its limits have to outlive this process."""
        return task.resource.endswith((WAITS_FOR_TOKEN, ".sync", ".sync:2"))

    async def serve(self, task: TaskCall, clock: Clock) -> tuple[Json, dict[str, Any] | None]:
        """The result, and what else is worth keeping of it."""
        self._note(task)
        if task.resource.endswith(WAITS_FOR_TOKEN):
            return await self._tokens.serve(task, clock), None
        return await self._call(task, clock)

    async def silence(self, place: Place, longest_s: float) -> None:
        await self._tokens.silence(place, longest_s)

    async def look_ahead(self) -> None:
        """Before the first step: wait while the circuit of any target that will be needed is open, for it makes no
        sense to charge a customer for what cannot be delivered."""
        life = self._life
        if life.row.when_open != "hold" or life.trial is not None:
            return
        while closed_to := next((t for t in sorted(life.version.required) if life.engine.circuits.is_open(t)), None):
            place = Place((), 0, "look ahead")
            why = f"{closed_to} will be needed, and its circuit is open"
            await life.wait_for_circuit(place, self._park(place, closed_to, why, OPEN))
        self._passed(((), 0))

    # One call ---------------------------------------------------------------------------------------------------------

    async def _call(self, task: TaskCall, clock: Clock) -> tuple[Json, dict[str, Any] | None]:
        life, row = self._life, self._life.row
        while True:
            await life.settle()
            life.engine.check_lease()
            context = CallContext(
                flow=life.engine.flow,
                idempotency_key=identity.idempotency_key(row.intent or row.id, task.place.path),
                standard=True,
                undoing=life.tally.undoing,
                met=[],
                probing=life.trial,
                start_execution=partial(self._start_child, task),
            )
            try:
                result = await self._in_turn(task, context)
            except Exception as error:
                if getattr(error, "error", None) not in HELD or row.when_open != "hold":
                    raise
                await self._hold(task, clock, error, context)
                continue
            finally:
                if context.met:
                    self.last_target = context.met[-1].target
            self._passed(task.place[:2])
            if life.tally.undoing:
                life.tally.undone += 1
            else:
                life.tally.done += 1
            return result, {"met": [_met(one) for one in context.met]} if context.met else None

    async def _in_turn(self, task: TaskCall, context: CallContext) -> Json:
        """What undoes keeps within its share of the target."""
        life = self._life
        if not life.tally.undoing:
            return await self._made(task, context)
        with life.busy():
            async with life.engine.undoing.budget(self._target(task)):
                return await self._made(task, context)

    def _target(self, task: TaskCall) -> str:
        """Whom an http:invoke calls, as far as its arguments say."""
        address = task.parameters.get("ApiEndpoint") if isinstance(task.parameters, dict) else None
        if not isinstance(address, str):
            return ""
        try:
            return self._life.engine.flow.endpoints.find(address).target
        except ResourceError:
            return ""

    async def _made(self, task: TaskCall, context: CallContext) -> Json:
        life = self._life
        if task.resource.startswith(_NESTED):
            with life.busy():
                return await serve(task, context)
        work = asyncio.ensure_future(serve(task, context))
        try:
            with life.busy():
                return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                life.engine.detach(work, life.row.id, task)
            raise

    def _note(self, task: TaskCall) -> None:
        told: dict[str, Any] = {"resource": task.resource, "parameters": _shown(task.parameters)}
        if task.timeout_s is not None:
            told["timeout_s"] = task.timeout_s
        if task.heartbeat_s is not None:
            told["heartbeat_s"] = task.heartbeat_s
        self._life.tell_once(Place(task.place.path, task.place.attempt, "scheduled"), told)

    # Holding ----------------------------------------------------------------------------------------------------------

    async def _hold(self, task: TaskCall, clock_: Clock, error: Exception, context: CallContext) -> None:
        """We refused to call. The state's own time stands still until we may ask again."""
        life, met = self._life, context.met[-1] if context.met else None
        name, why = str(getattr(error, "error", "")), str(getattr(error, "cause", None) or error)
        target = met.target if met else ""
        place = Place(task.place.path, task.place.attempt, "parked")
        park = self._park(place, target, why, name, met.retry_after_s if met else None)
        clock_.hold()
        try:
            if name == OPEN and life.engine.circuits.is_open(target):
                await life.wait_for_circuit(place, park)
            else:
                delay_s = max((met.retry_after_s if met else None) or 0.0, SHORTEST_HOLD_S)
                if not life.tally.undoing:  # a slot is kept for what undoes, so that it is in nobody's way
                    delay_s *= 1 + random.random() / 4
                await life.wait(time.time() + delay_s, place, park)
        finally:
            clock_.go_on()

    def _park(self, place: Place, target: str, why: str, error: str, retry_after_s: float | None = None) -> Park:
        """Since when it is parked here is kept, so that a later life goes on with the same park."""
        life = self._life
        held = life.held.get(place[:2])
        if held is None:
            held = life.held[place[:2]] = Held(life.holds.get(place[:2], 0) + 1, time.time())
            life.holds[place[:2]] = held.number
            told: dict[str, Any] = {"on": target, "why": why, "error": error}
            if retry_after_s is not None:
                told["retry_after_s"] = round(retry_after_s, 3)
            life.tell(place._replace(what=f"parked {held.number}"), told)
        return Park(target, why, datetime.fromtimestamp(held.since, UTC))

    def _passed(self, at: tuple[Key, int]) -> None:
        """If the call was held before, it no longer is; history says for how long."""
        held = self._life.held.pop(at, None)
        if held is not None:
            waited_s = round(time.time() - held.since, 3)
            self._life.tell(Place(*at, f"resumed {held.number}"), {"waited_s": waited_s})

    # Children ---------------------------------------------------------------------------------------------------------

    async def _start_child(self, task: TaskCall, compiled: Compiled, value: Json, name: str, waits: bool) -> Child:
        """A child that lives on its own. Its id comes from the place, so that a step tried again finds the same one."""
        life = self._life
        row = life.row
        id = identity.child_id(row.id, task.place, int(row.started_at.timestamp() * 1000))
        place = Place(task.place.path, task.place.attempt, "child")
        if life.memory.known.get(place) is None:
            now = clock.now()
            child = Execution(
                id=id,
                composition=compiled.slug,
                version=compiled.version,
                name=name[:80],
                input=text(value),
                when_open=row.when_open,
                priority=row.priority,
                parent=row.id,
                parent_waits=waits,
                started_by=f"execution:{row.id}",
                started_at=now,
                wake_at=now,
                seed=identity.new_seed(),
            )
            life.add_child(child)
            life.tell(place, {"child": id, "composition": compiled.slug}, firm=True)
            await life.settle()
            life.engine.nudge()
        arn = identity.arn(compiled.slug, id)
        if not waits:
            return Child(arn, time.time())
        while True:
            ended = await life.engine.ask(claims.ended_child, id)
            if ended is not None:
                return _ended(arn, ended)
            with life.idle():
                await life.wait_for_signal(place)


def _ended(arn: str, row: Execution) -> Child:
    succeeded = row.status in (ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIAL)
    assert row.ended_at is not None
    return Child(
        arn,
        row.started_at.timestamp(),
        row.ended_at.timestamp(),
        "SUCCEEDED" if succeeded else "FAILED" if row.status not in ("TIMED_OUT", "ABORTED") else row.status,
        msgspec.json.decode(row.output) if succeeded else None,
        row.error or None,
        row.cause or None,
    )


def _met(met: Any) -> dict[str, Any]:
    """Whom a call met, as history shows it."""
    told: dict[str, Any] = {"target": met.target, "ms": round(met.ms, 1)}
    for name in ("source", "breaker", "status", "age_s", "error"):
        if (value := getattr(met, name)) not in (None, ""):
            told[name] = value
    return told


def _shown(parameters: Json) -> Json:
    """Parameters as they may be kept: headers that prove who we are do not enter a journal."""
    headers = parameters.get("Headers") if isinstance(parameters, dict) else None
    if not isinstance(headers, dict) or not any(name.lower() in _SECRET_HEADERS for name in headers):
        return parameters
    kept = {name: "…" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
    return {**parameters, "Headers": kept}


def late(task: TaskCall, work: asyncio.Future[Json]) -> str | None:
    """What a call that was given up came to, as a happening for the journal; None when it was cut off."""
    if work.cancelled():
        return None
    error = work.exception()
    told: dict[str, Any] = {"state": task.state}
    if error is None:
        told["output"] = work.result()
    else:
        told |= {"error": getattr(error, "error", type(error).__name__), "cause": getattr(error, "cause", str(error))}
    return written([("late result", task.place.path, task.place.attempt, int(time.time() * 1000), told)])
