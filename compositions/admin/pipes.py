"""Pipes in the back office, saved, stopped and started by their operations; their intents, which are only read."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from breakers.admin.forms import DocumentForm
from breakers.admin.operations import ThroughOperations
from breakers.admin.records import Record
from breakers.documents import checking
from breakers.documents.defaults import Document
from compositions import neighbours, redaction, sentences
from compositions.compiling import pipe_body
from compositions.documents.pipes import DRAIN, PipeShape
from compositions.models import Intent, Pipe, PipeLease
from compositions.operations import pipes
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import each_row

PLAIN = (
    "title",
    "description",
    "target",
    "enrichment",
    "order_by",
    "max_in_flight",
    "max_backlog",
    "max_attempts",
    "max_age_s",
    "when_open",
    "journey",
    "idempotency_key",
    "keep_headers",
    "tell",
    "retention_days",
)
JSON = ("filter", "schema")
SOURCE = ("source_type", "queue_url")
LIMITS = ("max_attempts", "max_age_s")
NOTHING = ("", None)


class PipeForm(DocumentForm):
    columns = {"drain": ""}

    class Meta:
        model = Pipe
        fields = ("slug", *PLAIN, *JSON, *SOURCE, *DRAIN)

    def to_document(self) -> Document:
        given = self.cleaned_data
        stated = {name: given[name] for name in PLAIN if given[name] not in NOTHING}
        return {
            **stated,
            **{name: given[name] for name in JSON if given[name] is not None},
            "source": {"type": given["source_type"], "queue_url": given["queue_url"] or None},
            "drain": {name: given[name] for name in DRAIN if given[name] not in NOTHING},
        }

    def clean_filter(self) -> Any:
        return self._json("filter")

    def clean_schema(self) -> Any:
        return self._json("schema")

    def _json(self, name: str) -> Any:
        text = self.cleaned_data[name]
        try:
            return json.loads(text) if text.strip() else None
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}.", "invalid") from None

    def judge(self, slug: str, document: Document) -> None:
        pipes.check(slug, checking.shaped(PipeShape, slug, document))

    def _home(self, path: str) -> tuple[Any, str]:
        block = path.partition(".")[0].partition("[")[0]
        if block in JSON:
            return self, block
        if block == "source":
            return self, "queue_url" if path.endswith("queue_url") else "source_type"
        return super()._home(path)


@admin.register(Pipe)
class PipeAdmin(ThroughOperations):
    kind = "pipe"
    form = PipeForm
    operations = pipes
    consequence = "Routes may not lead to it, and its intents must have ended."
    list_display = ("slug", "title", "target", "source_type", "desired_state", "max_in_flight", "max_backlog")
    list_editable = ("max_in_flight", "max_backlog")
    list_filter = ("desired_state", "source_type", "when_open", "target")
    search_fields = ("slug", "title", "description", "target")
    search_help_text = "Slug, title or workflow."
    readonly_fields = ("desired_state", "desired_reason", "desired_by", "desired_at", "created_at", "updated_at")
    actions = ("start", "stop")
    fieldsets = (
        (None, {"fields": ("slug", "title", "description", "target")}),
        ("What it takes", {"fields": ("schema", "idempotency_key", "keep_headers", "max_backlog", *SOURCE)}),
        ("What becomes of it", {"fields": ("filter", "enrichment", "order_by", "when_open", *LIMITS)}),
        ("How fast", {"fields": ("max_in_flight", *DRAIN)}),
        ("What customers are told", {"fields": ("journey", "tell", "retention_days")}),
        ("Meant to run", {"fields": ("desired_state", "desired_reason", "desired_by", "desired_at")}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def sentence(self, obj: Pipe) -> str:
        return sentences.pipe(pipe_body(obj, neighbours.around()))

    @each_row("Start selected pipes", done="meant to run")
    def start(self, row: Pipe, by: Principal, reason: str) -> None:
        pipes.start(row.slug, by=by, reason=reason)

    @each_row("Stop selected pipes", done="stopped: their intents wait")
    def stop(self, row: Pipe, by: Principal, reason: str) -> None:
        pipes.stop(row.slug, by=by, reason=reason)


@admin.register(PipeLease)
class PipeLeaseAdmin(Record):
    kind_of = noun = "pipe"
    list_display = ("pipe", "state", "stopped_by", "reason", "since", "owner", "until")
    list_filter = ("state", "stopped_by")
    search_fields = ("pipe", "owner", "reason")
    search_help_text = "Pipe, process, or words of the reason."


@admin.register(Intent)
class IntentAdmin(Record):
    kind_of = noun = "pipe"
    list_display = ("id", "pipe", "status", "accepted_at", "ended_at", "consumer", "execution", "reason")
    list_filter = ("status", "pipe")
    search_fields = ("=id", "=execution", "=consumer", "=order_key")
    search_help_text = "Id of the intent or of its execution, consumer, or order key; as a whole."
    fields = (
        "id",
        "pipe",
        "status",
        "accepted_at",
        "ended_at",
        "execution",
        "consumer",
        "order_key",
        "attempts",
        "reason",
        "outcome",
        "shown_body",
        "shown_headers",
        "purged_at",
    )

    @admin.display(description="body, without secrets")
    def shown_body(self, row: Intent) -> SafeString | str:
        return _shown(row.body) if row.body else "removed" if row.purged_at else ""

    @admin.display(description="headers, without secrets")
    def shown_headers(self, row: Intent) -> SafeString | str:
        return _shown(row.headers) if row.headers else ""


def _shown(text: str) -> SafeString:
    value = redaction.redacted(json.loads(text))
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
