"""Plan, then touch: applies a plan call by call, each journalled before it is sent. A preview prints the same plan."""

from __future__ import annotations

import time

import structlog

from controlplane.aws import clients
from controlplane.aws.errors import AwsProblem, AwsRefused
from controlplane.aws.models import AwsCall
from controlplane.aws.plans import Call, Json, Plan
from controlplane.kernel import clock

log = structlog.get_logger(__name__)


def preview(plan: Plan) -> list[str]:
    """What `apply` would send, a line each; nothing is sent."""
    return [plan.title, *(f"  {line}" for line in plan.lines)]


def apply(plan: Plan, *, by: str) -> list[Json]:
    """Send every call of the plan in order and return the answers. Raises the AwsProblem of the first that failed."""
    return [_journalled(call, by) for call in plan.calls]


def look(call: Call) -> Json:
    """A call that only reads; it is not journalled."""
    return clients.send(call)


def _journalled(call: Call, by: str) -> Json:
    entry = AwsCall.objects.create(at=clock.now(), by=by, call=call.line)
    began = time.monotonic()
    try:
        answer = clients.send(call)
        _must_be_whole(call, answer)
    except AwsProblem as problem:
        entry.outcome, entry.detail = "failed", problem.detail[:500]
        raise
    else:
        entry.outcome = "done"
        return answer
    finally:
        entry.ms = round((time.monotonic() - began) * 1000, 1)
        entry.save(update_fields=["outcome", "detail", "ms"])
        log.info("aws_call", by=by, call=entry.call, outcome=entry.outcome, detail=entry.detail, ms=entry.ms)


def _must_be_whole(call: Call, answer: Json) -> None:
    """Batch operations answer 200 although entries failed."""
    if answer.get("FailedEntryCount"):
        failed = next(entry for entry in answer["Entries"] if entry.get("ErrorCode"))
        code, message = failed["ErrorCode"], failed.get("ErrorMessage", "")
        raise AwsRefused(f"{call.service}.{call.operation}: {code}: {message}", code, final=False)
