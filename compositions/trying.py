"""Both sides of a translation: what a composition makes of an old payload, and of the answer that comes back.

The calls are real, through every guard. Whoever asks needs no route and waits for no front door to follow: the
definition is the one that stands in the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from compositions.asl import errors, interpreter
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json, plain
from compositions.documents.compositions import EXPRESS, document
from compositions.engine.catalog import Compiled, compiled
from compositions.engine.express import LIMITS
from compositions.engine.flow import Flow
from compositions.engine.ports import ExpressPorts
from compositions.hosting import hosted_flow
from compositions.models import Route
from compositions.operations import compositions
from compositions.resources import CallContext
from controlplane.kernel.errors import Conflict

METHOD, PATH = "POST", "/"
LONGEST_S = 20.0


class Exchanged(msgspec.Struct):
    """One call: what the definition made for the new side, and what came back. `error` where nothing good did."""

    state: str
    resource: str
    arguments: Json
    result: Json = None
    error: str | None = None
    cause: str | None = None


class Translation(msgspec.Struct):
    """`input` is what a route would give; `calls` are in the order of their beginning; `output` is the old side's."""

    input: Json
    calls: list[Exchanged]
    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None
    ms: float = 0.0


def translate(slug: str, payload: Json) -> Translation:
    """Run the composition once with `payload` as the body. Raises NotFound, and Conflict for a STANDARD one."""
    row = compositions.find(slug)
    if row.type != EXPRESS:
        raise Conflict(f"Composition {slug} is STANDARD: it answers nobody at once, so there are no two sides to see.")
    given = input_of(slug, payload)
    # Not by the catalog: it follows a moment after a definition was saved.
    hosted = hosted_flow("control")
    return hosted.run(translated(hosted.flow, compiled(slug, document(row)), given))


def input_of(slug: str, payload: Json) -> dict[str, Json]:
    """The input that a route to the composition would make of a request with this body."""
    route = Route.objects.filter(composition__slug=slug).order_by("-enabled", "priority", "slug").first()
    return {
        "method": route.methods[0] if route else METHOD,
        "path": route.path if route else PATH,
        "path_parameters": {},
        "query": {},
        "headers": {"content-type": "application/json"},
        "body": payload,
    }


class _Noting(ExpressPorts):
    """Ports that remember each call with its result."""

    __slots__ = ("calls",)

    def __init__(self, context: CallContext) -> None:
        super().__init__(context, None)
        self.calls: list[Exchanged] = []

    def call(self, task: TaskCall) -> Coroutine[Any, Any, Json]:
        noted = Exchanged(task.state, task.resource, plain(task.parameters))
        self.calls.append(noted)
        return self._noted(noted, super().call(task))

    async def _noted(self, noted: Exchanged, calling: Coroutine[Any, Any, Json]) -> Json:
        try:
            result = await calling
        except errors.StatesError as error:
            noted.error, noted.cause = error.error, error.cause
            raise
        noted.result = plain(result)
        return result


async def translated(flow: Flow, chosen: Compiled, given: Json) -> Translation:
    began = time.monotonic()
    limit_s = min(chosen.deadline_s or LONGEST_S, LONGEST_S)
    ports = _Noting(CallContext(flow=flow, deadline=began + limit_s, max_stale_s=chosen.max_stale_s))
    try:
        async with asyncio.timeout(limit_s):
            ended = await interpreter.run(chosen.machine, given, ports, limits=LIMITS, state_machine=chosen.named)
    except TimeoutError:
        ended = {"status": "TIMED_OUT", "error": errors.TIMEOUT, "cause": f"It took longer than {limit_s:g} s."}
    return Translation(
        given,
        ports.calls,
        ended["status"],
        output=plain(ended.get("output")),
        error=ended.get("error"),
        cause=ended.get("cause"),
        ms=(time.monotonic() - began) * 1000,
    )
