"""What runs of the flow left behind, in the back office: read only. They are steered on their pages."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from breakers.admin.records import Record
from compositions import redaction
from compositions.models import BulkRun, CompositionRun, Execution, RunMinute, SagaWorker, SavedView, TaskToken


@admin.register(Execution)
class ExecutionAdmin(Record):
    kind_of, noun = "execution", "pk"
    list_display = ("id", "composition", "version", "status", "error", "parked_on", "started_at", "ended_at")
    list_filter = ("status", "composition", "when_open")
    search_fields = ("=id", "=name", "=intent", "=error", "=parked_on", "composition")
    search_help_text = "Id, name, intent, error or target it waits for, as a whole; or words of the composition."
    fields = (
        "id",
        "composition",
        "version",
        "name",
        "status",
        "error",
        "cause",
        "shown_input",
        "shown_output",
        "pipe",
        "intent",
        "parent",
        "started_by",
        "started_at",
        "ended_at",
        "wake_at",
        "parked_on",
        "parked_why",
        "park_count",
        "calls_done",
        "calls_undone",
        "redrive_count",
        "owner",
        "fence",
    )

    @admin.display(description="input, without secrets")
    def shown_input(self, row: Execution) -> SafeString | str:
        return _shown(row.input)

    @admin.display(description="output, without secrets")
    def shown_output(self, row: Execution) -> SafeString | str:
        return _shown(row.output)


@admin.register(TaskToken)
class TaskTokenAdmin(Record):
    kind_of, noun = "task", "pk"
    list_display = ("title", "state", "composition", "status", "assignee", "created_at", "due_at", "ended_by")
    list_filter = ("status", "manual", "composition")
    search_fields = ("title", "state", "assignee", "=execution")
    search_help_text = "Title, state, who has it, or the execution as a whole."
    fields = (
        "title",
        "state",
        "composition",
        "execution",
        "resource",
        "manual",
        "status",
        "assignee",
        "created_at",
        "due_at",
        "timeout_at",
        "heartbeat_at",
        "error",
        "cause",
        "ended_at",
        "ended_by",
    )


@admin.register(SagaWorker)
class SagaWorkerAdmin(Record):
    kind_of, noun = "worker", "pk"
    list_display = ("id", "host", "pid", "loaded", "takes_up", "started_at", "lease_until")
    search_fields = ("id", "host")
    search_help_text = "Name or host."


@admin.register(CompositionRun)
class CompositionRunAdmin(Record):
    kind_of = noun = "composition"
    list_display = ("at", "composition", "version", "status", "complete", "ms", "why", "error")
    list_filter = ("why", "status", "composition")
    search_fields = ("composition", "error")
    search_help_text = "Composition, or name of the error."


@admin.register(RunMinute)
class RunMinuteAdmin(Record):
    kind_of = noun = "composition"
    list_display = ("at", "composition")
    list_filter = ("composition",)
    search_fields = ("composition",)
    search_help_text = "Composition."


@admin.register(BulkRun)
class BulkRunAdmin(Record):
    kind_of, noun = "bulk", "pk"
    list_display = ("ordered_at", "act", "total", "done", "refused", "by", "reason", "ended_at")
    list_filter = ("act", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("by", "reason", "query")
    search_help_text = "Who ordered it, why, or the filter."


@admin.register(SavedView)
class SavedViewAdmin(Record):
    kind_of, noun = "view", "pk"
    list_display = ("name", "query", "owner", "shared", "created_at")
    list_filter = ("shared",)
    search_fields = ("name", "owner", "query")
    search_help_text = "Name, owner, or the filter."


def _shown(text: str) -> SafeString | str:
    if not text:
        return ""
    value = redaction.redacted(json.loads(text))
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
