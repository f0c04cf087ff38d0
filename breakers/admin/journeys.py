"""Journeys in the back office, with the targets that they need and what customers read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from breakers.core import sentences
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.journeys import JourneyShape, document
from breakers.models import Journey, JourneyMessage, JourneyTarget
from breakers.operations import journeys

from .forms import DocumentForm
from .operations import Part, ThroughOperations

RULES = ("raise_at_age_s", "raise_at_backlog", "clear_on")


class JourneyForm(DocumentForm):
    class Meta:
        model = Journey
        fields = ("slug", "title", "severity", "raise_at_age_s", "raise_at_backlog", "clear_on")

    def to_document(self) -> Document:
        return {
            "title": self.cleaned_data["title"],
            **{name: self.cleaned_data[name] for name in ("severity", *RULES)},
            "targets": [form.cleaned_data["target"].slug for form in self.parts("steps")],
            "messages": {form.cleaned_data["language"]: form.cleaned_data["text"] for form in self.parts("messages")},
        }

    def judge(self, slug: str, document: Document) -> None:
        checking.shaped(JourneyShape, slug, document)

    def _home(self, path: str) -> tuple[Any, str]:
        block, _, rest = path.partition(".")
        if block == "messages" and rest:
            mine = (form for form in self.parts("messages") if form.cleaned_data["language"] == rest)
            form = next(mine, None)
            return (self, "messages") if form is None else (form, "language")
        if block.startswith("targets["):
            index = int(block.removeprefix("targets[").rstrip("]"))
            return self.parts("steps")[index], "target"
        return super()._home(path)


class StepInline(Part, admin.TabularInline):
    model = JourneyTarget
    fields = ("position", "target")
    autocomplete_fields = ("target",)
    verbose_name = "target"
    verbose_name_plural = "Targets: the journey is delayed while a circuit of one of them is open"


class MessageInline(Part, admin.TabularInline):
    model = JourneyMessage
    fields = ("language", "text")
    verbose_name_plural = "Messages: what customers read while it is delayed"


@admin.register(Journey)
class JourneyAdmin(ThroughOperations):
    kind = "journey"
    form = JourneyForm
    operations = journeys
    consequence = "Front ends that poll it get 404 within a second."
    list_display = ("slug", "title", "severity", "needs")
    list_editable = ("title", "severity")
    list_filter = ("severity", "targets")
    search_fields = ("slug", "title", "targets__slug", "messages__text")
    search_help_text = "Slug, title, a target that it needs, or words of a message."
    inlines = (StepInline, MessageInline)
    fieldsets = (
        (None, {"fields": ("slug", "title", "severity")}),
        ("When the flag goes up and down, beside its circuits", {"fields": RULES}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Journey]:
        return super().get_queryset(request).prefetch_related("steps__target")

    @admin.display(description="needs")
    def needs(self, journey: Journey) -> str:
        return ", ".join(step.target.slug for step in journey.steps.all()) or "no target"

    def sentence(self, obj: Journey) -> str:
        return sentences.journey(document(obj))
