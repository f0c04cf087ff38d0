"""Answers with a composition: the request is its input, its output the JSON answer.

What is told beside the output: `X-Completed`, whether anything was left out; `X-Cache` and `Age` of its worst part;
and, when the composition says so, `_meta` with where each part came from. Only whole answers may be kept by anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from breakers.guard.messages import Answer, Headers
from compositions.asl.values import encoded, opened
from compositions.engine import telling
from compositions.engine.express import LIMITS, Run
from compositions.engine.flow import Flow
from compositions.errors import NotRunnable
from compositions.resources.context import Met

from ..matching import Template
from . import failures
from .requests import input_of

if TYPE_CHECKING:
    from . import Arrival

JSON = ("content-type", "application/json")
WHOLE = ("x-completed", "true")
PARTIAL = ("x-completed", "false")
NOT_KEPT = ("cache-control", "no-store")

# Sources from the best to the worst; within a source, what is older is worse.
_RANKS = {"live": 0, "projection": 1, "cache": 1, "static": 3}


class Composed:
    """`{"composition": slug}`."""

    __slots__ = ("slug",)

    def __init__(self, slug: str) -> None:
        self.slug = slug

    @classmethod
    def parse(cls, block: Mapping[str, Any], route: Template) -> Composed:
        return cls(block["composition"])

    async def answer(self, flow: Flow, arrival: Arrival, parameters: Mapping[str, str]) -> Answer:
        compiled = flow.catalog.find(self.slug)
        if compiled is None:
            raise NotRunnable(f"There is no composition {self.slug!r} here that can be run.", composition=self.slug)
        if compiled.type != "EXPRESS":
            detail = f"Composition {self.slug!r} has the type STANDARD. Put it behind a pipe, or make it EXPRESS."
            raise NotRunnable(detail, composition=self.slug)
        run = await flow.run(compiled, input_of(arrival, parameters, LIMITS.payload), request_id=arrival.request_id)
        flow.note_run(run)
        if run.status != "SUCCEEDED":
            raise failures.problem_of(run)
        return composed(run, meta=compiled.meta)


def composed(run: Run, *, meta: bool) -> Answer:
    output = run.output
    if meta and isinstance(opened(output), dict):
        output = {**opened(output), "_meta": telling.meta(run)}
    headers: Headers = [JSON, WHOLE if run.complete else PARTIAL]
    if not run.complete or any(met.private for met in run.met):
        headers.append(NOT_KEPT)
    answer = Answer(200, headers, encoded(output))
    worst = worst_of(run.met)
    if worst is not None:
        answer.source, answer.age_s, answer.fresh = worst.source, worst.age_s, worst.fresh  # type: ignore[assignment]
    return answer


def worst_of(met: list[Met]) -> Met | None:
    """The call whose answer is told of in X-Cache: static before stale before kept, the oldest first; None if all is
    live. A call without an answer has nothing in the output that could be old.
    """
    worst: Met | None = None
    for each in met:
        if each.source not in ("", "live") and each.error is None and (worst is None or _rank(each) > _rank(worst)):
            worst = each
    return worst


def _rank(met: Met) -> tuple[int, float]:
    return _RANKS[met.source] + (0 if met.fresh else 1), met.age_s or 0.0
