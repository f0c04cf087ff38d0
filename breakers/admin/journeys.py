"""Journeys in the back office, with the targets that they need and what customers read."""

from django.contrib import admin

from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.journeys import JourneyShape
from breakers.models import Journey, JourneyMessage, JourneyTarget
from breakers.operations import journeys

from .forms import DocumentForm
from .operations import Part, ThroughOperations


class JourneyForm(DocumentForm):
    class Meta:
        model = Journey
        fields = ("slug", "title", "severity")

    def to_document(self) -> Document:
        return {
            "title": self.cleaned_data["title"],
            "severity": self.cleaned_data["severity"],
            "targets": [form.cleaned_data["target"].slug for form in self.parts("steps")],
            "messages": {form.cleaned_data["language"]: form.cleaned_data["text"] for form in self.parts("messages")},
        }

    def judge(self, slug: str, document: Document) -> None:
        checking.shaped(JourneyShape, slug, document)


class StepInline(Part, admin.TabularInline):
    model = JourneyTarget
    fields = ("position", "target")
    verbose_name = "target"
    verbose_name_plural = "Targets: the journey is delayed while a circuit of one of them is open"


class MessageInline(Part, admin.TabularInline):
    model = JourneyMessage
    fields = ("language", "text")
    verbose_name_plural = "Messages: what customers read while it is delayed"


@admin.register(Journey)
class JourneyAdmin(ThroughOperations):
    form = JourneyForm
    operations = journeys
    list_display = ("slug", "title", "severity")
    search_fields = ("slug", "title")
    inlines = (StepInline, MessageInline)
    fieldsets = ((None, {"fields": ("slug", "title", "severity")}), ("Why", {"fields": ("reason",)}))
