"""A world for machines to run in: scripted resources, a clock that only sleeping moves, a record of what happened."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from compositions.asl import Checkpoint, Limits, TaskCall, compile_machine, run
from compositions.asl.errors import Unserved
from compositions.asl.ports import Place

Reply = Any
START = 1_700_000_000.0


class Failure(Exception):
    """What a resource answers when it fails."""

    def __init__(self, error: str, cause: str | None = "because") -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


class Slow:
    """A reply that takes its time; `beat_every` seconds it says that it is alive."""

    def __init__(self, seconds: float, reply: Reply = None, beat_every: float = 0) -> None:
        self.seconds = seconds
        self.reply = reply
        self.beat_every = beat_every


HANGS = Slow(float("inf"))


class World:
    """Ports whose clock stands still while anything can happen, and then jumps to the next timer."""

    records = True
    quiet_turns = 12
    keeps_time = False

    def __init__(self, resources: Mapping[str, Any] | None = None, draws: Iterable[float] = ()) -> None:
        self.resources = {
            name: reply if callable(reply) else self._script(reply) for name, reply in (resources or {}).items()
        }
        self.time = START
        self.calls: list[TaskCall] = []
        self.cancelled: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.sleeps: list[tuple[str, float]] = []
        self.history: list[tuple[Place, Mapping[str, Any]]] = []
        self.earlier: dict[Place, Mapping[str, Any]] = {}
        self.checkpoints: list[Checkpoint] = []
        self.items: Any = None
        self.written: list[Any] = []
        self._draws = itertools.chain(draws, itertools.repeat(0.5))
        self._timers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @staticmethod
    def _script(reply: Reply) -> Callable[[Any], Reply]:
        if isinstance(reply, list):
            following = iter(reply)
            return lambda parameters: next(following)
        return lambda parameters: reply

    async def run(
        self, definition: Mapping[str, Any], value: Any = None, limits: Limits | None = None
    ) -> dict[str, Any]:
        machine = compile_machine(definition)
        return await self.passing(run(machine, {} if value is None else value, self, limits=limits))

    async def passing(self, work: Awaitable[Any]) -> Any:
        """The work's result, with time passing whenever nothing else can happen."""
        task = asyncio.ensure_future(work)
        quiet = 0
        try:
            while not task.done():
                await asyncio.sleep(0)
                quiet = quiet + 1 if not task.done() else 0
                if quiet > self.quiet_turns and self._timers:
                    self._ring()
                    quiet = 0
                assert quiet < 10_000, "nothing can happen any more"
            return task.result()
        finally:
            task.cancel()

    def _ring(self) -> None:
        while self._timers:
            moment, _, timer = heapq.heappop(self._timers)
            if not timer.done():
                self.time = max(self.time, moment)
                timer.set_result(None)
                return

    async def _pause(self, seconds: float) -> None:
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if seconds < float("inf"):
            heapq.heappush(self._timers, (self.time + seconds, next(self._order), timer))
        await timer

    async def call(self, task: TaskCall) -> Any:
        self.calls.append(task)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self.resources[task.resource](task.parameters)
            if isinstance(reply, Slow):
                left = reply.seconds
                while reply.beat_every and left > reply.beat_every:
                    await self._pause(reply.beat_every)
                    left -= reply.beat_every
                    task.beat()
                await self._pause(left)
                reply = reply.reply
            if isinstance(reply, Exception):
                raise reply
            return reply
        except asyncio.CancelledError:
            self.cancelled.append(task.resource)
            raise
        finally:
            self.in_flight -= 1

    async def sleep(self, seconds: float, place: Place) -> None:
        self.sleeps.append((place.what, seconds))
        await self._pause(seconds)

    def now(self, place: Place) -> float:
        return self.time

    def random(self, place: Place) -> float:
        return next(self._draws)

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None:
        self.history.append((place, dict(happened)))

    def recall(self, place: Place) -> Mapping[str, Any] | None:
        return self.earlier.get(place)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.append(checkpoint)

    async def evaluate(
        self, expression: str, given: Mapping[str, Any], place: Place, *, now_ms: int, seed: float
    ) -> Any:
        raise Unserved("no other place")

    async def read_items(self, task: TaskCall) -> Any:
        if self.items is None:
            raise Unserved("no reader of items")
        return self.items

    async def write_results(self, task: TaskCall, results: Any) -> Any:
        self.written.append((task.parameters, results))
        return {"Bucket": task.parameters["Bucket"]}

    @property
    def waited(self) -> float:
        return self.time - START


def machine(*states: tuple[str, Mapping[str, Any]], **top: Any) -> dict[str, Any]:
    """A machine of states that follow each other, unless they say where to go."""
    named = dict(states)
    for (name, state), (following, _) in itertools.pairwise([*states, ("", {})]):
        ways = {"Next", "End", "Choices"} & state.keys() or state["Type"] in ("Succeed", "Fail")
        named[name] = {**state, **({} if ways else {"Next": following} if following else {"End": True})}
    return {"StartAt": states[0][0], "States": named, **top}


def one(state: Mapping[str, Any], **top: Any) -> dict[str, Any]:
    return machine(("Only", state), **top)


def task(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, **fields}


def passing(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", **fields}


def jsonata(*states: tuple[str, Mapping[str, Any]], **top: Any) -> dict[str, Any]:
    return machine(*states, QueryLanguage="JSONata", **top)


async def output_of(definition: Mapping[str, Any], value: Any = None, **resources: Any) -> Any:
    answer = await World(resources).run(definition, value)
    assert answer["status"] == "SUCCEEDED", answer
    return answer["output"]


async def failure_of(definition: Mapping[str, Any], value: Any = None, **resources: Any) -> tuple[Any, Any]:
    answer = await World(resources).run(definition, value)
    assert answer["status"] == "FAILED", answer
    return answer.get("error"), answer.get("cause")
