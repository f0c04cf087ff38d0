"""What a run needs from outside: calls, waiting, the clock, random numbers, a record of what happened.

Each use carries a key that says where in the run it stands, never in which order: the path from the run's root, one
step per workflow, as (state, visit) for a state, ("branch", i) or ("item", i) for an inner workflow. A journal can
find an earlier answer by it. The attempt and what is asked for complete the key; no two uses of a run share one.
"""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from compositions.asl.errors import Unserved
from compositions.asl.values import Json

Key = tuple[tuple[str, int], ...]


class Place(NamedTuple):
    """Where something happens: the structural path, the attempt of that state, and what is asked for there."""

    path: Key
    attempt: int
    what: str


class Checkpoint(msgspec.Struct, frozen=True):
    """A run that is about to enter a state of the machine itself: all that the rest of the run depends on.

    `visits` are how often each state was entered before; `events` and `states` are the run's counts so far.
    """

    state: str
    value: Json
    variables: Mapping[str, Json] = {}
    visits: Mapping[str, int] = {}
    events: int = 1
    states: int = 0


class TaskCall:
    """One call of a Task's resource. A port that hears from the work tells `beat()`, or the heartbeat runs out.

    `timed_out` is true from the moment the run has given the call up for TimeoutSeconds or HeartbeatSeconds, before
    the port's `call` is cancelled: what it answers from then on is late. A port that knows how large its result is
    at most tells that as `at_most` bytes, which saves measuring it.
    """

    __slots__ = (
        "at_most", "beats", "credentials", "heartbeat_s", "parameters", "place", "resource", "state", "timed_out",
        "timeout_s", "token",
    )  # fmt: skip

    def __init__(
        self,
        state: str,
        resource: str,
        parameters: Json,
        place: Place,
        *,
        timeout_s: float | None = None,
        heartbeat_s: float | None = None,
        token: str | None = None,
        credentials: Json = None,
    ) -> None:
        self.state = state
        self.resource = resource
        self.parameters = parameters
        self.place = place
        self.timeout_s = timeout_s
        self.heartbeat_s = heartbeat_s
        self.token = token
        self.credentials = credentials
        self.beats = 0
        self.timed_out = False
        self.at_most: int | None = None

    def beat(self) -> None:
        self.beats += 1


class Ports(Protocol):
    """The outside of a run.

    `call` raises an exception with `error` and `cause`; any other exception ends the run as itself. `evaluate`
    computes a JSONata expression where it can be stopped, and raises Unserved if there is no such place. `read_items`
    and `write_results` serve a distributed Map; they raise as `call` does, or Unserved. `record` hears of a Catch that
    was taken and of an item's failure that was borne in any case, of all else only if `records`.

    A port may answer with bodies that nobody has read (`values.spliced`); they come back where the definition passes
    them on, also inside other values, and leave as JSON by `values.encoded`. Ports that never bring one see none.

    Ports that record may keep what a run was told and take the run up again in another life: from the start, or from
    the last checkpoint with `run(..., resume=...)`; the places are the same either way. `recall` answers what `record`
    was told at the same place in an earlier life, or None. A `call` or a `sleep` whose end is known from an earlier
    life ends without waiting, so that a kept answer is never overtaken by its own timeout.
    """

    async def call(self, task: TaskCall) -> Json: ...

    async def sleep(self, seconds: float, place: Place) -> None: ...

    def now(self, place: Place) -> float:
        """Seconds since 1970."""
        ...

    def random(self, place: Place) -> float:
        """A number of [0, 1)."""
        ...

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None: ...

    def recall(self, place: Place) -> Mapping[str, Any] | None: ...

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Told before each state of the machine itself, where `records` is true."""
        ...

    async def evaluate(
        self, expression: str, given: Mapping[str, Json], place: Place, *, now_ms: int, seed: float
    ) -> Json: ...

    async def read_items(self, task: TaskCall) -> Json: ...

    async def write_results(self, task: TaskCall, results: Json) -> Json: ...

    records: bool
    keeps_time: bool  # whether `call` itself ends a task at its TimeoutSeconds, with States.Timeout


class PlainPorts:
    """Ports over a call function and a sleep function; nothing is recorded, nothing is recalled."""

    records = False
    keeps_time = False

    def __init__(
        self,
        call_task: Callable[[str, str, Json], Awaitable[Json]],
        sleep: Callable[[float], Awaitable[None]],
        now: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._call = call_task
        self._sleep = sleep
        self._now = now
        self._draw = draw

    async def call(self, task: TaskCall) -> Json:
        return await self._call(task.state, task.resource, task.parameters)

    async def sleep(self, seconds: float, place: Place) -> None:
        await self._sleep(seconds)

    def now(self, place: Place) -> float:
        return self._now()

    def random(self, place: Place) -> float:
        return self._draw()

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None:
        return None

    def recall(self, place: Place) -> Mapping[str, Any] | None:
        return None

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        return None

    async def evaluate(
        self, expression: str, given: Mapping[str, Json], place: Place, *, now_ms: int, seed: float
    ) -> Json:
        raise Unserved("no other place to evaluate")

    async def read_items(self, task: TaskCall) -> Json:
        raise Unserved("no reader of items")

    async def write_results(self, task: TaskCall, results: Json) -> Json:
        raise Unserved("no writer of results")
