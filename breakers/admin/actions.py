"""Actions in the back office, each with how it fares."""

from typing import Any

from django.contrib import admin

from breakers.actions.sentences import sentence
from breakers.documents.actions import LEVELS, document
from breakers.documents.defaults import Document
from breakers.models import Action
from breakers.operations import actions
from breakers.panels.actions import state

from .forms import DocumentForm
from .operations import ThroughOperations

PLACE = ("account", "region")


class ActionForm(DocumentForm):
    class Meta:
        model = Action
        fields = (
            "slug",
            "title",
            "enabled",
            "subjects",
            "kind",
            "name",
            "when_open",
            "when_closed",
            "account",
            "region",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in LEVELS:
            if name in self.fields:
                self.fields[name].widget.attrs["rows"] = 2

    def to_document(self) -> Document:
        given = self.cleaned_data
        stated = {name: given[name] for name in ("title", "enabled", "subjects", "kind", "name")}
        levels = {name: given[name] for name in LEVELS} if any(given[name] for name in LEVELS) else {}
        return stated | levels | {name: given[name] or None for name in PLACE}

    def judge(self, slug: str, document: Document) -> None:
        actions.judge(slug, document)


@admin.register(Action)
class ActionAdmin(ThroughOperations):
    kind = "action"
    form = ActionForm
    operations = actions
    consequence = "What it held stays at AWS as it is now."
    list_display = ("slug", "title", "enabled", "kind", "name", "follows", "fares")
    list_editable = ("title", "enabled")
    list_filter = ("kind", "enabled")
    search_fields = ("slug", "title", "name", "subjects")
    search_help_text = "Slug, title, what it holds, or what it follows (circuit:payment)."
    fieldsets = (
        (None, {"fields": ("slug", "title", "enabled")}),
        ("What it follows", {"fields": ("subjects",)}),
        (
            "What it holds",
            {
                "fields": ("kind", "name", "when_open", "when_closed"),
                "description": "Both texts empty: STOPPED and RUNNING, true and false, Opened and Closed, by kind.",
            },
        ),
        ("Where", {"fields": PLACE, "classes": ("collapse",)}),
    )

    @admin.display(description="follows")
    def follows(self, action: Action) -> str:
        return ", ".join(action.subjects)

    @admin.display(description="now")
    def fares(self, action: Action) -> str:
        told = state(action)
        return f"failing: {told['error']}" if told["error"] else str(told["status"])

    def sentence(self, obj: Action) -> str:
        return sentence(document(obj))
