"""`arn:aws:states:::http:invoke`: a call of a registered target, through the guard.

    Parameters -> request -> guard.call (state, bulkhead, contract, permit, wire; cache) -> result, or a named error

The circuit decides and the cache stands in exactly as for any other call. What the run promises comes on top: its
deadline, which no call outlives, and how old an answer may be (`max_stale_s`).
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from breakers.core.states import STOPPED
from breakers.guard.call import Holder
from breakers.guard.errors import GuardError
from breakers.guard.messages import Answer, Request
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json

from .context import CallContext, Met, ResourceError
from .forcing import forced_answer
from .http_requests import request_of
from .http_results import result_of

CANCELLED = "Cancelled"


def serve(task: TaskCall, context: CallContext) -> Coroutine[Any, Any, Json]:
    slug, request = request_of(task.parameters, context.flow.endpoints)
    if context.idempotency_key is not None and not any(name == "idempotency-key" for name, _ in request.headers):
        request.headers.append(("idempotency-key", context.idempotency_key))
    if context.request_id and not any(name == "x-request-id" for name, _ in request.headers):
        request.headers.append(("x-request-id", context.request_id))
    return send(slug, request, task, context)


async def send(slug: str, request: Request, task: TaskCall, context: CallContext) -> Json:
    """The call itself, noted in `context.met` whatever comes of it."""
    began = time.monotonic()
    if context.deadline is not None and began >= context.deadline:
        raise ResourceError("States.Timeout", f"No time is left to call target {slug}.")
    met = Met(context.place(task), slug)
    context.met.append(met)
    try:
        forced = context.forced.get(slug) if context.forced else None
        if context.probing is not None and context.probing.target == slug:
            answer = await context.probing.send(request)
        elif forced is None:
            key = context.idempotency_key if context.standard else None
            holder = None if key is None else Holder(key, first=context.undoing)
            answer = await context.flow.guard.call(slug, request, deadline=context.deadline, holder=holder)
        else:
            met.forced = forced
            answer = await forced_answer(forced, slug, request, context)
        if context.max_stale_s is not None and answer.source != "live":
            answer = await _young_enough(answer, slug, request, met, context)
        return result_of(answer, met, task)
    except GuardError as error:
        met.error, met.retry_after_s = error.error, error.retry_after_s
        raise ResourceError(error.error, f"{error.title}, target {slug}: {error.reason}.") from error
    except ResourceError as error:
        met.error = error.error
        raise
    except asyncio.CancelledError:
        met.error = CANCELLED
        raise
    finally:
        met.at, met.ms = time.time(), (time.monotonic() - began) * 1000


async def _young_enough(answer: Answer, slug: str, request: Request, met: Met, context: CallContext) -> Answer:
    """The answer, or a live one in its place where the circuit lets a call pass; Answer.TooOld rather than a lie."""
    limit_s, flow = context.max_stale_s or 0.0, context.flow
    if answer.source != "static" and (answer.age_s or 0.0) <= limit_s:
        return answer
    if answer.source == "cache" and answer.fresh and answer.breaker not in STOPPED and not met.forced:
        guarded = flow.plane.circuits[slug]
        key = flow.plane.cache.key(guarded.settings, request)
        return await flow.guard.attempt(guarded, request, key, deadline=context.deadline)
    met.source, met.age_s, met.breaker = answer.source, answer.age_s, answer.breaker.value
    what = "a static answer" if answer.source == "static" else f"an answer of {answer.age_s or 0:.0f} s ago"
    cause = f"Target {slug} gives {what} (its circuit is {met.breaker}); no more than {limit_s:g} s is promised."
    raise ResourceError("Answer.TooOld", cause)
