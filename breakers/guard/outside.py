"""Callers that make their calls themselves: they read a circuit's state here, and their outcomes count like ours.

Nobody outside is trusted with the shape of time: what they say is at most a minute old, never of the future, of the
present epoch or none, and each batch counts once.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from breakers.core import counts
from breakers.core.outcomes import ERRORS, Outcome
from breakers.core.states import STOPPED, State
from controlplane.kernel.errors import FieldProblem, Invalid

from .circuits import Circuits, Guarded
from .flushing import Flusher
from .trials import Mover, Permit, Trials

LATE_MS = 60_000  # what is older says nothing about now
AHEAD_MS = 5_000  # how far a clock may run ahead before its outcomes are not believed
MOST = 1000
BATCH_KEPT_S = 600
BATCHES_KEPT = 10_000  # by one process, while the store is away
POLL_S = 1.0
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
WORDS = ("success", "failure", "ignore", "throttle", *ERRORS)


class Report(msgspec.Struct, forbid_unknown_fields=True):
    """One call: `status`, or `outcome` in WORDS; when it ended by the caller's clock (`at`; None: now).

    `permit` is leave for a trial call, which this call has used.
    """

    status: int | None = None
    outcome: str | None = None
    latency_ms: float = 0
    at: Moment | None = None
    permit: str | None = None


class Counted(NamedTuple):
    """`late` and `ahead` were left out by their times; `other_epoch` count as traffic, and decide nothing any more."""

    counted: int = 0
    late: int = 0
    ahead: int = 0
    other_epoch: int = 0
    duplicate: bool = False


class Plane(Mover, Protocol):
    """What outside callers need of the process that hosts them."""

    circuits: Circuits
    flusher: Flusher
    valkey: Redis
    store_ok: bool


def standing(plane: Plane, guarded: Guarded) -> dict[str, Any]:
    """What a caller outside must know of a circuit. A circuit that tests its recovery lets no more calls through than
    permits say, so whoever has none stays away."""
    now_ms, circuit, override = plane.now_ms(), guarded.circuit, guarded.override
    refusing = not plane.store_ok and guarded.settings.on_store_error == "refuse"
    may_call = guarded.state not in STOPPED and not refusing
    until_ms, reason = circuit.until_ms, circuit.reason
    if override is not None and guarded.state is override.state:
        until_ms, reason = override.expires_at_ms or 0, override.reason
    elif refusing and guarded.state not in STOPPED:
        until_ms, reason = 0, "the shared state is out of reach"
    return {
        "target": guarded.slug,
        "effective_state": str(guarded.state),
        "observed_state": str(circuit.state),
        "may_call": may_call,
        "retry_after_s": None if may_call else round(max(1.0, (until_ms - now_ms) / 1000), 1),
        "reason": reason,
        "epoch": circuit.epoch,
        "timeout_ms": guarded.settings.timeout_ms,
        "poll_after_s": POLL_S,
        "stale": not plane.store_ok,
    }


class Reports:
    def __init__(self, plane: Plane, prefix: str) -> None:
        self._plane, self._prefix = plane, prefix
        self._trials = Trials(plane)
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def permit(self, guarded: Guarded) -> Permit | None:
        """Leave for one trial call of a circuit that tries its recovery by traffic; None when there is none to give."""
        return await self._trials.lease(guarded) if self._trials.possible(guarded) else None

    async def take(
        self,
        guarded: Guarded,
        holder: str,
        batch: str,
        reports: list[Report],
        *,
        sent_at: datetime | None = None,
        epoch: int = 0,
    ) -> Counted:
        """Count a batch once. `sent_at` is the caller's clock as it sent, by which its times are set right; `epoch` is
        the one that it knew, 0 if it does not say."""
        check(reports)
        if await self._known(guarded.slug, holder, batch):
            return Counted(duplicate=True)
        now_ms = self._plane.now_ms()
        skew_ms = 0.0 if sent_at is None else now_ms - sent_at.timestamp() * 1000
        counted = late = ahead = other_epoch = 0
        failed = False
        # By their times, for a run of failures is a run only in the order in which they happened.
        timed = [(now_ms if each.at is None else each.at.timestamp() * 1000 + skew_ms, each) for each in reports]
        for at_ms, report in sorted(timed, key=lambda pair: pair[0]):
            if report.permit is not None:
                await self._settle(guarded, report)
            if at_ms < now_ms - LATE_MS:
                late += 1
                continue
            if at_ms > now_ms + AHEAD_MS:
                ahead += 1
                continue
            current = guarded.counting and at_ms >= guarded.circuit.since_ms and epoch in (0, guarded.circuit.epoch)
            counted += 1
            other_epoch += not current
            failed |= self._count(guarded, holder, report, min(at_ms, now_ms), current=current)
        if failed:
            await self._plane.flusher.delivered()
        elif guarded.circuit.streak:
            self._plane.flusher.soon()
        return Counted(counted, late, ahead, other_epoch)

    def _count(self, guarded: Guarded, holder: str, report: Report, at_ms: float, *, current: bool) -> bool:
        recorder, settings = guarded.recorder, guarded.settings
        now = time.monotonic() - (self._plane.now_ms() - at_ms) / 1000
        outcome = meant(guarded, report)
        if guarded.state is State.DISABLED:
            return False
        if outcome in (Outcome.IGNORE, Outcome.THROTTLE):
            recorder.count(counts.IGNORED if outcome is Outcome.IGNORE else counts.THROTTLED, now)
            return False
        failed = outcome is Outcome.FAILURE
        recorder.outcome(
            failed=failed,
            latency_ms=report.latency_ms,
            marks=settings.breaker.slow_marks_ms,
            timed_out=report.outcome == "timeout",
            epoch=guarded.circuit.epoch if current else None,
            now=now,
        )
        if failed:
            recorder.failure(
                at_ms=round(at_ms),
                outcome=report.outcome or "status",
                status=report.status,
                latency_ms=round(report.latency_ms, 1),
                method="",
                path="",
                detail=f"told by {holder}",
            )
        return failed

    async def _settle(self, guarded: Guarded, report: Report) -> None:
        epoch, _, permit = (report.permit or "").partition(".")
        outcome = meant(guarded, report)
        verdict = {Outcome.SUCCESS: "passed", Outcome.FAILURE: "failed"}.get(outcome, "returned")
        if epoch.isdecimal() and permit:
            await self._trials.settle(guarded, Permit(permit, int(epoch)), verdict)

    async def _known(self, slug: str, holder: str, batch: str) -> bool:
        """Whether this batch was taken before, by any front door; without the store, by this one."""
        name = hashlib.sha256(f"{slug}\n{holder}\n{batch}".encode()).hexdigest()
        if name in self._seen:
            return True
        self._seen[name] = None
        if len(self._seen) > BATCHES_KEPT:
            self._seen.popitem(last=False)
        if not self._plane.store_ok:
            return False
        key = f"{{{self._prefix}:t:{slug}}}:batch:{name}"
        try:
            async with asyncio.timeout(0.2):
                return not await self._plane.valkey.set(key, b"", nx=True, ex=BATCH_KEPT_S)
        except (RedisError, OSError, TimeoutError):
            return False


def check(reports: list[Report]) -> None:
    """Raise Invalid with the path of each thing that cannot be counted."""
    found = []
    if len(reports) > MOST:
        found.append(FieldProblem("outcomes", "too_many", f"At most {MOST} in one batch; send several."))
    for index, report in enumerate(reports[:MOST]):
        path = f"outcomes[{index}]"
        if (report.status is None) == (report.outcome is None):
            found.append(FieldProblem(path, "required", "Say status or outcome, and not both."))
        elif report.outcome is not None and report.outcome not in WORDS:
            found.append(FieldProblem(f"{path}.outcome", "invalid", f"Use one of {', '.join(WORDS)}."))
        elif report.status is not None and not 100 <= report.status <= 599:
            found.append(FieldProblem(f"{path}.status", "invalid", "Use an HTTP status from 100 to 599."))
        if not 0 <= report.latency_ms <= 86_400_000:
            found.append(FieldProblem(f"{path}.latency_ms", "invalid", "Use milliseconds, up to a day."))
    if found:
        raise Invalid("Some outcomes cannot be counted; none was.", problems=found[:20])


def meant(guarded: Guarded, report: Report) -> Outcome:
    """What a call counts as, by the target's own classification unless the caller has judged for itself."""
    classifier = guarded.settings.classifier
    if report.status is not None:
        return classifier.status(report.status)
    word = report.outcome or ""
    return classifier.error(word) if word in ERRORS else Outcome(word)
