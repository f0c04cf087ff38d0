"""What a try-out sees of a target that it forces open, slow, stale or failing. No circuit hears of it.

open     the kept answer with its age, else the static one, else Breaker.Open, as while the circuit is open
slow     the real answer, so late that it is just within the target's timeout
stale    the kept answer as one that is too old to be fresh; without one the real answer, told as such
failing  a status of 500
"""

import asyncio

import msgspec

from breakers.core.states import State
from breakers.guard import stand_ins
from breakers.guard.errors import BreakerOpen
from breakers.guard.messages import Answer, Request

from .context import CallContext, Forced

LATE_BY = 0.9  # of the target's timeout
WHY = "forced for this run"


async def forced_answer(forced: Forced, slug: str, request: Request, context: CallContext) -> Answer:
    plane = context.flow.plane
    guarded = plane.circuits[slug]
    if forced == "failing":
        return Answer(500, [("content-type", "text/plain")], WHY.encode(), breaker=guarded.state)
    if forced == "slow":
        await asyncio.sleep(guarded.settings.timeout_ms / 1000 * LATE_BY)
        return await context.flow.guard.call(slug, request, deadline=context.deadline)
    now_ms = plane.now_ms()
    key = plane.cache.key(guarded.settings, request)
    entry = None
    if key is not None:
        entry = await plane.cache.fetch(guarded.settings, key, now_ms, stale=True, ask=plane.store_ok)
    kept = None if entry is None else stand_ins.cached(entry, guarded, now_ms)
    if forced == "stale":
        answer = kept or await context.flow.guard.call(slug, request, deadline=context.deadline)
        oldest_fresh_s = guarded.settings.cache.ttl_s + 1
        return msgspec.structs.replace(
            answer, source="cache", fresh=False, age_s=max(answer.age_s or 0.0, oldest_fresh_s)
        )
    answer_instead = kept or stand_ins.static(guarded)
    if answer_instead is None:
        raise BreakerOpen(slug, WHY, retry_after_s=1, state=str(State.OPEN))
    return msgspec.structs.replace(answer_instead, breaker=State.OPEN)
