"""What a process needs to run compositions, beside its DataPlane: the catalog, the JSONata child, and a way to run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from breakers.guard.cache import ResponseCache
from breakers.guard.circuits import Circuits
from compositions.asl.jsonata.sandbox import Sandbox
from compositions.asl.ports import Key
from compositions.asl.values import Json
from compositions.resources.endpoints import Endpoints

from .catalog import Catalog, Compiled
from .express import Run, run_express

if TYPE_CHECKING:
    from breakers.guard.call import Guard
    from compositions.resources.context import CallContext, Forced
    from controlplane.config.feed import ConfigFeed, Snapshot


class Plane(Protocol):
    """What runs need of the process that hosts them: breakers.dataplane.DataPlane, or less."""

    cache: ResponseCache
    circuits: Circuits
    store_ok: bool

    @property
    def config(self) -> ConfigFeed: ...
    @property
    def guard(self) -> Guard: ...
    def now_ms(self) -> float: ...


def _dropped(run: Run) -> None:
    """Nobody keeps runs."""


class Flow:
    """Make it before the plane starts, so that no request meets a configuration that the catalog has not heard of.

    `note_run` is told of every run behind a route, on the loop, after its answer is known.
    """

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.catalog = Catalog()
        self.endpoints = Endpoints(plane.circuits)
        self.sandbox = Sandbox()
        self.note_run: Callable[[Run], None] = _dropped
        plane.config.subscribe(self._follow)
        self._follow(plane.config.snapshot)

    @property
    def guard(self) -> Guard:
        return self.plane.guard

    async def start(self) -> None:
        """Ready when the plane is; what runs share is made when it is first needed."""

    async def close(self) -> None:
        await self.sandbox.close()

    def run(
        self,
        compiled: Compiled,
        value: Json,
        *,
        deadline: float | None = None,
        forced: Mapping[str, Forced] | None = None,
        trace: bool = False,
        request_id: str | None = None,
        within: CallContext | None = None,
        place: Key = (),
    ) -> Coroutine[Any, Any, Run]:
        return run_express(
            self, compiled, value, deadline=deadline, forced=forced, trace=trace, request_id=request_id,
            within=within, place=place,
        )  # fmt: skip

    def _follow(self, snapshot: Snapshot) -> None:
        self.catalog.follow(snapshot)
        self.endpoints.forget()
