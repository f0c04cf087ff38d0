"""Giving the results that steps wait for: tasks of the inbox, and tokens handed to other systems."""

from datetime import timedelta
from typing import Any

import jsonschema
import msgspec
from django.db import transaction

from compositions.engine.standard.ends import signal
from compositions.engine.standard.nudges import nudge_after_commit
from compositions.models import TaskToken
from compositions.models.executions import TaskStatus
from controlplane.audit.chain import record
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

LARGEST_OUTPUT = 256 * 1024


def complete_task(token: str, output: Any, *, by: Principal, reason: str = "") -> TaskToken:
    """The step goes on with `output`. Raises NotFound, Conflict for a second result, Invalid where the form says no."""
    text = msgspec.json.encode(output).decode()
    if len(text.encode()) > LARGEST_OUTPUT:
        message = f"The output is larger than {LARGEST_OUTPUT // 1024} KB."
        raise Invalid(message, problems=[FieldProblem("output", "max_length", message)])
    with transaction.atomic():
        row = _waiting(token)
        _check(row, output)
        row.status, row.output = TaskStatus.SUCCEEDED, text
        return _ended(row, "succeed", by, reason)


def fail_task(token: str, error: str, cause: str = "", *, by: Principal, reason: str = "") -> TaskToken:
    """The step fails with this error, which its Retry and Catch may take. Raises NotFound or Conflict."""
    with transaction.atomic():
        row = _waiting(token)
        row.status, row.error, row.cause = TaskStatus.FAILED, error, cause
        return _ended(row, "fail", by, reason)


def heartbeat(token: str) -> TaskToken:
    """Somebody is still at work on it. Raises NotFound or Conflict."""
    with transaction.atomic():
        row = _waiting(token)
        if row.heartbeat_s is not None:
            row.heartbeat_at = clock.now() + timedelta(seconds=row.heartbeat_s)
            row.save(update_fields=["heartbeat_at"])
    return row


def assign(token: str, assignee: str, *, by: Principal, expected: str, reason: str = "") -> TaskToken:
    """Give the task to somebody, or with "" back to all. `expected` is whom the caller saw it with.

    Raises NotFound, or Conflict when it has its result or somebody else took it meanwhile.
    """
    with transaction.atomic():
        row = _waiting(token)
        if row.assignee != expected:
            taken = f"{row.assignee} has taken it" if row.assignee else "It was given back"
            raise Conflict(f"{taken} meanwhile. Look again before you change that.", assignee=row.assignee)
        before, row.assignee = row.assignee, assignee
        row.save(update_fields=["assignee"])
        record(
            action="task.assign",
            subject=subject_of(row),
            by=by,
            before={"assignee": before},
            after={"assignee": assignee},
            reason=reason,
        )
    return row


def subject_of(row: TaskToken) -> str:
    return f"task:{row.execution}:{row.state}"


def find(token: str) -> TaskToken:
    row = TaskToken.objects.filter(pk=token).first()
    if row is None:
        raise NotFound("There is no task with this token.")
    return row


def _waiting(token: str) -> TaskToken:
    row = TaskToken.objects.select_for_update().filter(pk=token).first()
    if row is None:
        raise NotFound("There is no task with this token.")
    if row.status != TaskStatus.WAITING:
        who = f" by {row.ended_by}" if row.ended_by else ""
        raise Conflict(f"This task has its result already: {row.status}{who}.", status_now=row.status)
    return row


def _check(row: TaskToken, output: Any) -> None:
    if not row.form:
        return
    validator = jsonschema.Draft202012Validator(msgspec.json.decode(row.form))
    problems = [
        FieldProblem(".".join(map(str, ("output", *error.absolute_path))), str(error.validator), error.message)
        for error in validator.iter_errors(output)
    ]
    if problems:
        raise Invalid("The result is not what the form asks for.", problems=problems)


def _ended(row: TaskToken, act: str, by: Principal, reason: str) -> TaskToken:
    row.ended_at, row.ended_by = clock.now(), by.name[:200]
    row.save()
    signal({row.execution})
    record(
        action=f"task.{act}",
        subject=subject_of(row),
        by=by,
        before={"status": TaskStatus.WAITING},
        after={"status": row.status, "error": row.error},
        reason=reason,
    )
    nudge_after_commit([row.execution])
    return row
