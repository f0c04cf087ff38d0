"""A run in memory, within a request: nothing is written down, and its end is its caller's answer.

One deadline holds for all of it, nested runs included. Calls get it, so that a target that hangs is let go in time and
a Catch can still make an answer of the rest; what goes on regardless is stopped a moment later.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings

from compositions.asl import errors, interpreter
from compositions.asl.limits import Limits
from compositions.asl.ports import Key
from compositions.asl.values import Json
from compositions.resources import http_invoke
from compositions.resources.context import CallContext, Forced, Met

from .catalog import DEADLINE_S, Compiled
from .places import NESTED
from .ports import ExpressPorts
from .timers import Within
from .tracing import Step, Trace

if TYPE_CHECKING:
    from .flow import Flow

STOPPED_AFTER_S = 0.05
LIMITS = Limits(payload=settings.WORKFLOW_PAYLOAD_BYTES)


class Run(msgspec.Struct):
    """What came of a run. `complete`: it succeeded, no Catch was taken, and no static answer stood in for a real one.

    `steps` is empty unless a trace was asked for. `started_at` in seconds since 1970.
    """

    composition: str
    version: int
    status: str
    output: Json = None
    error: str | None = None
    cause: str | None = None
    complete: bool = False
    met: list[Met] = []
    steps: list[Step] = []
    started_at: float = 0.0
    ms: float = 0.0


async def run_express(
    flow: Flow,
    compiled: Compiled,
    value: Json,
    *,
    deadline: float | None = None,
    forced: Mapping[str, Forced] | None = None,
    trace: bool = False,
    request_id: str | None = None,
    within: CallContext | None = None,
    place: Key = (),
) -> Run:
    """Run `compiled` with the input `value`, at the latest until `deadline` (monotonic) and its own deadline.

    `within` is the context of the task at `place` whose nested run this is: its promises hold here too.
    """
    began, started_at = time.monotonic(), time.time()
    own = began + (compiled.deadline_s or DEADLINE_S)
    deadline = own if deadline is None else min(own, deadline)
    context = CallContext(
        flow=flow,
        deadline=deadline,
        max_stale_s=compiled.max_stale_s,
        forced=forced,
        request_id=request_id,
        met=[] if within is None else within.met,
    )
    if within is not None:
        deadline = _inherit(context, within, deadline, place)
    kept = Trace(compiled.definition) if trace else None
    ports = ExpressPorts(context, kept)
    limit = Within(deadline - began + STOPPED_AFTER_S)
    try:
        with limit:
            ended = await _work(compiled, value, ports, context, trace)
    except TimeoutError:
        if not limit.expired:
            raise
        ended = _late(context)
    run = Run(
        compiled.slug,
        compiled.version,
        ended["status"],
        output=ended.get("output"),
        error=ended.get("error"),
        cause=ended.get("cause"),
        met=context.met,
        started_at=started_at,
        ms=(time.monotonic() - began) * 1000,
    )
    lacking = ports.caught or context.partial or any(met.source == "static" for met in context.met)
    run.complete = run.status == "SUCCEEDED" and not lacking
    if within is not None:
        within.partial = within.partial or not run.complete
    if kept is not None:
        run.steps = kept.steps(context.met)
    return run


def _inherit(context: CallContext, outer: CallContext, deadline: float, place: Key) -> float:
    """What holds for the outer run holds for the inner one; the deadline that is left."""
    context.deadline = deadline if outer.deadline is None else min(deadline, outer.deadline)
    limits = [limit for limit in (context.max_stale_s, outer.max_stale_s) if limit is not None]
    context.max_stale_s = min(limits) if limits else None
    context.forced, context.request_id = outer.forced, outer.request_id
    context.depth, context.inside = outer.depth + 1, (*place, NESTED)
    return context.deadline


def _work(
    compiled: Compiled, value: Json, ports: ExpressPorts, context: CallContext, trace: bool
) -> Coroutine[Any, Any, dict[str, Any]]:
    if compiled.native is not None and context.depth and not trace:
        serve, fits = compiled.native
        if fits(value):
            return serve(value, context, LIMITS)
    return interpreter.run(compiled.machine, value, ports, limits=LIMITS, state_machine=compiled.named)


def _late(context: CallContext) -> dict[str, Any]:
    waited = ", ".join(sorted({met.target for met in context.met if met.error == http_invoke.CANCELLED}))
    cause = f"The run took longer than its deadline allows{f'; it was waiting for {waited}' if waited else ''}."
    return {"status": "TIMED_OUT", "error": errors.TIMEOUT, "cause": cause}
