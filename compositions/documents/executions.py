"""Executions and their tasks as the API shows them; what customers sent is shown without secrets."""

from typing import Any

import msgspec
from rest_framework import serializers

from compositions import texts
from compositions.engine.standard import history as events
from compositions.engine.standard import journal
from compositions.models import CompositionVersion, Execution, JournalEntry, TaskToken
from compositions.redaction import redacted, text
from controlplane.kernel.clock import rfc3339

Document = dict[str, Any]


class ExecutionView(serializers.Serializer[Any]):
    id = serializers.CharField()
    composition = serializers.CharField()
    version = serializers.IntegerField(help_text="The definition that it began with and keeps.")
    name = serializers.CharField(allow_blank=True)
    status = serializers.CharField(
        help_text="RUNNING, SUCCEEDED, PARTIAL, FAILED, TIMED_OUT, ABORTED, DEAD or COMPENSATION_FAILED."
    )
    input = serializers.JSONField(required=False, help_text="Without secrets; only where one execution is asked for.")
    output = serializers.JSONField(required=False, allow_null=True)
    error = serializers.CharField(allow_null=True)
    cause = serializers.CharField(allow_null=True)
    pipe = serializers.CharField(allow_null=True)
    intent = serializers.CharField(allow_null=True)
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    wake_at = serializers.DateTimeField(allow_null=True, help_text="When it goes on, if it waits for a time.")
    parked = serializers.DictField(allow_null=True, help_text="on (a target), why, since: why it does not go on.")
    put_off = serializers.IntegerField(help_text="How often a step failed and was put off.")
    trials = serializers.IntegerField(help_text="How often a call of it was a trial of a target, and failed.")
    when_open = serializers.CharField(help_text="hold or fail.")
    calls = serializers.DictField(help_text="done before a Catch, undone after one, and their ratio, amplification.")
    redrives = serializers.IntegerField()


# A serializer has a `parent` of its own, so a field of this name is added behind its back.
ExecutionView._declared_fields["parent"] = serializers.CharField(allow_null=True)


class EventView(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    timestamp = serializers.DateTimeField()
    type = serializers.CharField(help_text="As Step Functions names it, and TaskHeld, TaskResumed, ErrorCaught, …")
    state = serializers.CharField(required=False)
    place = serializers.CharField(required=False, help_text="Where in the definition.")
    items = serializers.ListField(child=serializers.IntegerField(), required=False)
    attempt = serializers.IntegerField(required=False)


class TaskView(serializers.Serializer[Any]):
    token = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField(help_text="WAITING, SUCCEEDED, FAILED, TIMED_OUT or CANCELLED.")
    manual = serializers.BooleanField(help_text="Whether it waits for a person.")
    execution = serializers.CharField()
    composition = serializers.CharField()
    state = serializers.CharField()
    details = serializers.JSONField(help_text="What the step was given, without secrets.")
    form = serializers.JSONField(allow_null=True, help_text="JSON Schema of the output.")
    assignee = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    timeout_at = serializers.DateTimeField(allow_null=True)
    heartbeat_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    ended_by = serializers.CharField(allow_null=True)


def brief(row: Execution) -> Document:
    """One line of a list."""
    parked = None
    if row.parked_at is not None:
        parked = {"on": row.parked_on or None, "why": row.parked_why, "since": rfc3339(row.parked_at)}
    calls = {"done": row.calls_done, "undone": row.calls_undone}
    return {
        "id": row.id,
        "composition": row.composition,
        "version": row.version,
        "name": row.name,
        "status": row.status,
        "error": row.error or None,
        "cause": text(row.cause) or None,
        "pipe": row.pipe or None,
        "intent": row.intent or None,
        "parent": row.parent or None,
        "started_by": row.started_by,
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
        "wake_at": rfc3339(row.wake_at),
        "parked": parked,
        "put_off": row.park_count,
        "trials": row.trial_count,
        "when_open": row.when_open,
        "calls": {**calls, "amplification": round(row.calls_undone / row.calls_done, 2) if row.calls_done else None},
        "redrives": row.redrive_count,
    }


def document(row: Execution) -> Document:
    return {
        **brief(row),
        "input": redacted(msgspec.json.decode(row.input)),
        "output": redacted(msgspec.json.decode(row.output)) if row.output else None,
    }


def events_of(row: Execution) -> list[events.Event]:
    """The whole history of an execution, as it is kept."""
    version = CompositionVersion.objects.filter(composition=row.composition, number=row.version).first()
    definition = texts.read(version.definition) if version else {}
    rows = JournalEntry.objects.filter(execution=row.id)
    kept = sorted(rows.values_list("at", "number", "told"), key=lambda entry: (entry[0], entry[1]))
    return events.history(row, definition, (one for _, _, told in kept for one in journal.read(told)))


def history(row: Execution, after: int, most: int) -> list[Document]:
    """The events that follow the one numbered `after`, at most so many, without secrets."""
    return [redacted(event.document()) for event in events_of(row)[after : after + most]]


def task(row: TaskToken) -> Document:
    return {
        "token": row.token,
        "title": row.title,
        "status": row.status,
        "manual": row.manual,
        "execution": row.execution,
        "composition": row.composition,
        "state": row.state,
        "details": redacted(msgspec.json.decode(row.details)) if row.details else None,
        "form": msgspec.json.decode(row.form) if row.form else None,
        "assignee": row.assignee or None,
        "created_at": rfc3339(row.created_at),
        "due_at": rfc3339(row.due_at),
        "timeout_at": rfc3339(row.timeout_at),
        "heartbeat_at": rfc3339(row.heartbeat_at),
        "ended_at": rfc3339(row.ended_at),
        "ended_by": row.ended_by or None,
    }
