"""What is made of a body before its execution starts: an EXPRESS composition, run outside of any transaction.

The intent is leased meanwhile. A failure lets it wait for longer each time, until it is a dead letter, and pauses the
drain: an enrichment that fails for one usually fails for all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from compositions.operations.executions import LARGEST_INPUT

from . import claims
from .claims import Waiting
from .lane import Lane

if TYPE_CHECKING:
    from compositions.engine.flow import Flow

LONGEST_PUT_OFF_S = 300.0

Ask = Callable[..., Awaitable[Any]]


async def enrich(flow: Flow, ask: Ask, lane: Lane, one: Waiting, owner: str) -> None:
    """Start its execution with what the enrichment makes of its body, or put it off."""
    made, why = await enriched(flow, lane.body["enrichment"], one.body)
    if made is not None:
        await ask(claims.start_prepared, lane.plan, one, owner, made)
        return
    lane.governor.failed(time.monotonic())
    again_after_s = min(LONGEST_PUT_OFF_S, 2.0 ** min(one.attempts, 10))
    most_attempts = int(lane.body["max_attempts"])
    await ask(claims.put_off, one, owner, why, again_after_s=again_after_s, most_attempts=most_attempts)


async def enriched(flow: Flow, slug: str, body: str) -> tuple[str | None, str]:
    """What is made of a body, as text; else None and why there is none."""
    compiled = flow.catalog.find(slug)
    if compiled is None:
        return None, f"There is no composition {slug} here that can be run."
    run = await flow.run(compiled, json.loads(body))
    if run.status != "SUCCEEDED":
        return None, f"{slug} failed: {run.error or run.status}"
    made = json.dumps(run.output, ensure_ascii=False)
    if len(made.encode()) > LARGEST_INPUT:
        return None, f"{slug} made more than {LARGEST_INPUT // 1024} KB."
    return made, ""
