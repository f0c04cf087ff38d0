"""The outside of a run in memory: calls through resources, the loop's time, nothing recalled; a trace if wanted."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from compositions.asl import errors
from compositions.asl.errors import StatesError, Unserved
from compositions.asl.ports import Checkpoint, Place, TaskCall
from compositions.asl.values import Json
from compositions.resources import CallContext, serve

from .timers import Within
from .tracing import Trace


class ExpressPorts:
    """`caught` tells whether the run has gone on without something: a Catch was taken, or an item's failure borne."""

    __slots__ = ("_context", "_trace", "caught", "records")

    keeps_time = True

    def __init__(self, context: CallContext, trace: Trace | None) -> None:
        self._context, self._trace = context, trace
        self.records = trace is not None
        self.caught = False

    def call(self, task: TaskCall) -> Coroutine[Any, Any, Json]:
        # Not itself a coroutine: each one more in the chain is resumed at every step of every call.
        if task.timeout_s is None:
            return serve(task, self._context)
        return _in_time(task, self._context)

    async def sleep(self, seconds: float, place: Place) -> None:
        await asyncio.sleep(seconds)

    def now(self, place: Place) -> float:
        return time.time()

    def random(self, place: Place) -> float:
        return random.random()

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None:
        if place.what in ("caught", "tolerated"):
            self.caught = True
        if self._trace is not None:
            self._trace.record(place, happened)

    def recall(self, place: Place) -> Mapping[str, Any] | None:
        return None

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Nothing is taken up again."""

    async def evaluate(
        self, expression: str, given: Mapping[str, Json], place: Place, *, now_ms: int, seed: float
    ) -> Json:
        return await self._context.flow.sandbox.evaluate(expression, given, now_ms=now_ms, seed=seed)

    async def read_items(self, task: TaskCall) -> Json:
        raise Unserved("ItemReader is not served here; pass the items as the state's input.")

    async def write_results(self, task: TaskCall, results: Json) -> Json:
        raise Unserved("ResultWriter is not served here; use the results that the Map returns.")


async def _in_time(task: TaskCall, context: CallContext) -> Json:
    limit = Within(task.timeout_s or 0.0)
    try:
        with limit:
            return await serve(task, context)
    except TimeoutError:
        if not limit.expired:
            raise
        task.timed_out = True
        raise StatesError(errors.TIMEOUT, None, told=True) from None
