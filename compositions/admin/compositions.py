"""Compositions in the back office, saved and deleted by their operations, and every definition that they had."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from breakers.admin.forms import DocumentForm
from breakers.admin.operations import MOST_FINDINGS, ThroughOperations
from breakers.admin.records import Record
from breakers.documents import checking
from breakers.documents.defaults import Document
from compositions import advice, neighbours, sentences
from compositions.documents.compositions import CompositionShape
from compositions.models import Composition, CompositionVersion
from compositions.operations import compositions
from compositions.reach import reach
from controlplane.kernel.errors import FieldProblem

PLAIN = ("title", "description", "tags", "type", "deadline_ms", "max_stale_s", "meta")


class CompositionForm(DocumentForm):
    class Meta:
        model = Composition
        fields = ("slug", *PLAIN, "definition")
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
            "definition": forms.Textarea(attrs={"class": "vLargeTextField program", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "definition" in self.fields:  # absent for those who may only look
            self.fields["definition"].strip = False  # type: ignore[attr-defined]

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {**{name: given[name] for name in PLAIN}, "definition": self._definition()}

    def _definition(self) -> str:
        """What is written, byte for byte as it was where only a browser changed the ends of its lines."""
        given, before = str(self.cleaned_data["definition"]), str(self.initial.get("definition", ""))
        return before if given.splitlines() == before.splitlines() else given

    def judge(self, slug: str, document: Document) -> None:
        compositions.check(slug, checking.shaped(CompositionShape, slug, document))

    def _show(self, problem: FieldProblem) -> None:
        if problem.line is not None:
            text = f"Line {problem.line}, column {problem.column}: {problem.message}"
            problem = replace(problem, message=text)
        super()._show(problem)

    def _home(self, path: str) -> tuple[Any, str]:
        return super()._home(path.partition("/")[0])


@admin.register(Composition)
class CompositionAdmin(ThroughOperations):
    kind = "composition"
    form = CompositionForm
    operations = compositions
    consequence = "Its versions are kept. Executions that run go on with the definition they began with."
    list_display = ("slug", "title", "type", "version", "deadline_ms", "meta", "updated_at")
    list_editable = ("deadline_ms", "meta")
    list_filter = ("type", "meta", "updated_at")
    search_fields = ("slug", "title", "description", "tags", "definition")
    search_help_text = "Slug, title, tags, or words of the definition."
    readonly_fields = ("version", "digest", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("slug", "title", "description", "tags", "type")}),
        ("What it does", {"fields": ("definition",)}),
        ("How it answers", {"fields": ("deadline_ms", "max_stale_s", "meta")}),
        ("Since when", {"fields": ("version", "digest", "created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def _told(self, request: HttpRequest, obj: Composition, response: HttpResponse) -> HttpResponse:
        """Whoever saved reads what is not advisable, too."""
        for finding in advice.warnings(compositions.find(obj.slug))[:MOST_FINDINGS]:
            messages.warning(request, f"{finding.path}: {finding.message}")
        return super()._told(request, obj, response)

    def sentence(self, obj: Composition) -> str:
        around = neighbours.around()
        known = around.find(obj.slug)
        return sentences.composition(obj.type, obj.version, reach(known.definition, around)) if known else ""


@admin.register(CompositionVersion)
class CompositionVersionAdmin(Record):
    """Rolled back to on the composition's page: here it is only read."""

    kind_of = noun = "composition"
    list_display = ("composition", "number", "type", "by", "reason", "created_at")
    list_filter = ("type", "created_at")
    search_fields = ("composition", "reason", "by", "digest")
    search_help_text = "Composition, reason, digest, or who wrote it."
    date_hierarchy = "created_at"
    fields = ("composition", "number", "type", "by", "reason", "created_at", "digest", "text")

    @admin.display(description="definition")
    def text(self, row: CompositionVersion) -> SafeString:
        return format_html("<pre class='program'>{}</pre>", row.definition)
