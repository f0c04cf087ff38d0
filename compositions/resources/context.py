"""What a task's resource may know of the run that calls it, and what it leaves there: whom it met.

One function serves both engines: an EXPRESS run has one context for all of its calls, a STANDARD one has a context for
each call, so that what was met can be journalled with the call's result.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from compositions.asl.errors import StatesError
from compositions.asl.ports import Key, TaskCall
from compositions.asl.values import Json

if TYPE_CHECKING:
    from breakers.guard.messages import Answer, Request
    from compositions.engine.catalog import Compiled
    from compositions.engine.flow import Flow

# What a try-out may force a target to look like, for one run and without touching its circuit.
Forced = Literal["open", "slow", "stale", "failing"]
FORCED: tuple[Forced, ...] = ("open", "slow", "stale", "failing")


class Met(msgspec.Struct):
    """One call that a run made, or tried to make, and what came of it.

    `source` is live, cache, projection or static, and empty when there was no answer: then `error` names why. `at` is
    the end of the call in seconds since 1970. `private` answers belong to the caller alone. `forced`: see Forced.
    """

    place: Key
    target: str
    source: str = ""
    fresh: bool = True
    age_s: float | None = None
    breaker: str = ""
    status: int | None = None
    error: str | None = None
    at: float = 0.0
    ms: float = 0.0
    retry_after_s: float | None = None
    private: bool = False
    forced: str = ""

    @property
    def as_of(self) -> float | None:
        """When the answer was true at the target, in seconds since 1970; None without an answer that has an age."""
        if self.source not in ("live", "cache", "projection"):
            return None
        return self.at - (self.age_s or 0.0)


class Probing(Protocol):
    """The run is a trial of `target`: its calls there are made by `send`, with leave where the guard has none."""

    @property
    def target(self) -> str: ...

    async def send(self, request: Request) -> Answer: ...


class Child(msgspec.Struct, frozen=True):
    """A nested execution as its starter sees it. Times in seconds since 1970; `ended_at` None: it still runs."""

    execution: str
    started_at: float
    ended_at: float | None = None
    status: str = "RUNNING"
    output: Json = None
    error: str | None = None
    cause: str | None = None


# How a STANDARD run starts a child that lives on its own: what, its input, its name, whether to wait for its end.
StartExecution = Callable[["Compiled", Json, str | None, bool], Awaitable[Child]]


class CallContext(msgspec.Struct, kw_only=True):
    """`deadline` is a monotonic time in seconds that no call of the run may outlive; `inside` the place of the task
    whose nested run this is; `undoing` goes before others; `partial` is set when a nested run had to
    leave something out.
    """

    flow: Flow
    deadline: float | None = None
    idempotency_key: str | None = None
    request_id: str | None = None
    standard: bool = False
    undoing: bool = False
    depth: int = 0
    inside: Key = ()
    max_stale_s: float | None = None
    forced: Mapping[str, Forced] | None = None
    met: list[Met] = []
    partial: bool = False
    probing: Probing | None = None
    start_execution: StartExecution | None = None

    def place(self, task: TaskCall) -> Key:
        return (*self.inside, *task.place.path) if self.inside else task.place.path


Serve = Callable[[TaskCall, CallContext], Coroutine[Any, Any, Json]]


class ResourceError(StatesError):
    """A task's resource could not give a result; the cause is a whole sentence with the remedy."""

    def __init__(self, error: str, cause: str, *, also: tuple[str, ...] = ()) -> None:
        super().__init__(error, cause, told=True, also=also)
