"""Trials of a recovering target by real work: an execution is run for real, and its call there is the probe.

A pass is an answer like any other: the execution runs on, and is never run again. A failure is nobody's failure yet:
Catch does not run and nothing is undone; the execution is parked at its step until the circuit closes, and then calls
again with the same key. The verdict is the outcome of the call to the target, not the end of the execution.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple
from uuid import uuid4

from redis.exceptions import RedisError

from breakers.core.outcomes import Outcome
from breakers.dataplane import DataPlane
from breakers.guard.errors import BreakerOpen, CallFailed, GuardError
from breakers.guard.messages import Answer, Request

LEASE_MARGIN_MS = 1000


class TrialFailed(Exception):
    """The call of a trial failed. It has no name that a definition could catch."""


class Verdict(NamedTuple):
    """`called`: whether the target was called at all, with an outcome that says something about it."""

    called: bool
    passed: bool
    detail: str
    status: int | None = None
    ms: float = 0.0


class Trial:
    """One execution's trial of `target` in its half-open time `epoch`; only its first call there is the trial."""

    def __init__(self, plane: DataPlane, target: str, epoch: int) -> None:
        self.target = target
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._plane, self._epoch = plane, epoch

    def end(self, detail: str) -> None:
        """There will be no call: it ended, waits for something else, or is somebody else's."""
        self._say(Verdict(False, False, detail))

    async def send(self, request: Request) -> Answer:
        plane = self._plane
        if self.verdict.done():
            return await plane.guard.call(self.target, request)
        guarded = plane.circuits[self.target]
        settings, store, permit = guarded.settings, plane.circuit_store, uuid4().hex
        permitted = settings.breaker.permitted_number_of_calls_in_half_open_state
        lease_ms = settings.timeout_ms + LEASE_MARGIN_MS
        try:
            leased = await store.lease_permit(self.target, self._epoch, permit, permitted=permitted, lease_ms=lease_ms)
        except (RedisError, OSError):
            leased = False
        if not leased:
            self.end("no trial call was permitted: others are under way, or the circuit has moved on")
            raise BreakerOpen(self.target, guarded.circuit.reason, retry_after_s=1)
        began = time.monotonic()
        judged, detail, status = "returned", "", None
        try:
            answer = await plane.guard.probe(guarded, request, timeout_s=settings.timeout_ms / 1000)
            status = answer.status
            outcome = settings.classifier.status(answer.status)
            judged = {Outcome.SUCCESS: "passed", Outcome.FAILURE: "failed"}.get(outcome, "returned")
            detail = f"status {answer.status}"
        except GuardError as error:
            judged, detail = "failed" if isinstance(error, CallFailed) else "returned", error.reason
            if judged == "returned":
                raise
        finally:
            await asyncio.shield(self._settle(permit, judged))
            ms = round((time.monotonic() - began) * 1000, 1)
            self._say(Verdict(judged != "returned", judged == "passed", detail or "cut off", status, ms))
        if judged == "failed":
            raise TrialFailed(detail)
        return Answer(answer.status, answer.headers, answer.body, breaker=guarded.state)

    async def _settle(self, permit: str, judged: str) -> None:
        try:
            await self._plane.circuit_store.settle_permit(self.target, self._epoch, permit, judged)
        except (RedisError, OSError):
            return  # the permit lapses, and the half-open limit decides

    def _say(self, verdict: Verdict) -> None:
        if not self.verdict.done():
            self.verdict.set_result(verdict)
