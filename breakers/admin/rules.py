"""Request rules in the back office: the statement as rows, the rate and the answer as fields."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from breakers.core import conditions, sentences
from breakers.core.statements import sentence as statement_sentence
from breakers.documents.defaults import Document
from breakers.documents.fields import TOKEN
from breakers.documents.rules import DEFAULT_KEYS, HEADER, document
from breakers.models import RequestRule
from breakers.operations import rules
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import each_row

from .conditions import PREFIX, condition_set
from .forms import DocumentForm
from .operations import ThroughOperations

PLAIN = ("title", "priority", "enabled", "label", "action")
RATE = ("rate_limit", "rate_window_s", "counted_by", "counted_headers")
ANSWER = ("answer_status", "answer_content_type", "answer_body")
KEYS = [
    ("ip", "IP address of the connection"),
    ("forwarded_ip", "forwarded IP address (of trusted proxies only)"),
    ("path", "path"),
    ("key", "API key"),
]


class RuleForm(DocumentForm):
    counted_by = forms.MultipleChoiceField(
        label="Counted by",
        required=False,
        choices=KEYS,
        widget=forms.CheckboxSelectMultiple,
        help_text="What makes requests one client. Nothing chosen: all requests are counted together.",
    )
    counted_headers = forms.CharField(
        label="and by headers",
        required=False,
        max_length=500,
        help_text="Names of headers whose values make requests different clients, separated by commas.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    class Meta:
        model = RequestRule
        fields = ("slug", *PLAIN, "stage", "rate_limit", "rate_window_s", *ANSWER)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keys = list(DEFAULT_KEYS) if self.instance._state.adding else self.instance.rate_keys or []
        if "answer_body" in self.fields:  # absent for those who may only look
            self.fields["answer_body"].strip = False  # type: ignore[attr-defined]
        self.initial.setdefault("counted_by", [key for key in keys if not key.startswith(HEADER)])
        headers = [key.removeprefix(HEADER) for key in keys if key.startswith(HEADER)]
        self.initial.setdefault("counted_headers", ", ".join(headers))

    def clean_counted_headers(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["counted_headers"].split(",") if name.strip()]
        for name in names:
            if not TOKEN.match(name):
                raise forms.ValidationError(f"{name} is not the name of a header.", "invalid")
        return names

    def to_document(self) -> Document:
        given = self.cleaned_data
        answer = {
            "status": given["answer_status"],
            "body": given["answer_body"],
            "content_type": given["answer_content_type"],
        }
        stated = {name: value for name, value in answer.items() if value}
        keys = [*given["counted_by"], *(f"{HEADER}{name}" for name in given["counted_headers"])]
        rate = {"limit": given["rate_limit"], "window_s": int(given["rate_window_s"]), "keys": keys}
        return {
            **{name: given[name] for name in PLAIN},
            "stage": given["stage"].slug if given["stage"] else None,
            "statement": self.statement(),
            "rate": None if given["rate_limit"] is None else rate,
            "answer": stated or None,
        }

    def _post_clean(self) -> None:
        super()._post_clean()
        shown = getattr(self.instance, "conditions", None)
        if shown is not None and any(form.errors for form in shown.forms):
            self.add_error(None, "Some conditions are not complete; see the rows below.")

    @property
    def rows(self) -> list[conditions.Condition]:
        return [form.condition() for form in self.parts(PREFIX)]

    def statement(self) -> Document:
        """What the rows say; where they say what they said before, the tree stays as somebody wrote it."""
        before = self.instance.statement
        known = conditions.rows(before)
        return before if known is None or known == self.rows else conditions.tree(self.rows)

    def judge(self, slug: str, document: Document) -> None:
        rules.check(slug, document)

    def _home(self, path: str) -> tuple[Any, str]:
        if path.startswith("statement"):
            return self._condition_of(path)
        if path.startswith("rate.keys"):
            return self, "counted_by"
        block, _, field = path.partition(".")
        return self, f"{block}_{field}" if block in ("rate", "answer") and field else path

    def _condition_of(self, path: str) -> tuple[Any, str]:
        """The row, and the field in it, that a problem inside the statement is about."""
        places = conditions.places(self.rows)
        for place, form in zip(places, self.parts(PREFIX), strict=True):
            rest = path.removeprefix(place)
            if path.startswith(place) and rest[:1] in ("", ".", "["):
                return form, "name" if rest.endswith(".name") else "values"
        return self, "statement"


@admin.register(RequestRule)
class RuleAdmin(ThroughOperations):
    kind = "rule"
    form = RuleForm
    operations = rules
    consequence = "Requests that it held back pass within a second."
    change_form_template = "admin/rule_form.html"

    class Media:
        # Adds rows of conditions, which are no inline of Django's; after jQuery, which it needs.
        js = ("admin/js/vendor/jquery/jquery.min.js", "admin/js/jquery.init.js", "admin/js/inlines.js")

    list_display = ("slug", "title", "priority", "enabled", "action", "stage", "when")
    list_editable = ("priority", "enabled", "action")
    list_filter = ("action", "enabled", "stage", ("rate_limit", admin.EmptyFieldListFilter))
    list_select_related = ("stage",)
    search_fields = ("slug", "title", "label", "stage__slug")
    search_help_text = "Slug, title, label or stage."
    autocomplete_fields = ("stage",)
    readonly_fields = ("created_at", "updated_at")
    actions = ("enable", "disable", "count", "challenge", "block")

    def get_fieldsets(self, request: HttpRequest, obj: RequestRule | None = None) -> Any:
        writes = self.has_change_permission(request, obj)
        rate = RATE if writes else ("rate_limit", "rate_window_s", "rate_keys")
        return (
            (None, {"fields": ("slug", "title", "priority", "enabled", "stage")}),
            ("What is done", {"fields": ("action", "label")}),
            ("Only above a rate", {"fields": rate}),
            ("An answer of its own, when it blocks", {"fields": ANSWER}),
            ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
        )

    def _create_formsets(self, request: HttpRequest, obj: Any, change: bool) -> Any:
        formsets, inlines = super()._create_formsets(request, obj, change)
        obj.conditions = condition_set(obj.statement, request.POST if request.method == "POST" else None)
        if obj.conditions is not None:
            obj.formsets = [*formsets, obj.conditions]
        return formsets, inlines

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        rule = context["adminform"].form.instance
        may = self.has_change_permission(request, rule)
        more = {"conditions": rule.conditions if may else None, "statement": statement_sentence(rule.statement)}
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)

    def sentence(self, obj: RequestRule) -> str:
        return sentences.rule(document(obj))

    @admin.display(description="when")
    def when(self, rule: RequestRule) -> str:
        return statement_sentence(rule.statement)

    @each_row("Enable selected rules", done="enabled")
    def enable(self, row: RequestRule, by: Principal, reason: str) -> None:
        rules.patch(row.slug, {"enabled": True}, by=by, reason=reason)

    @each_row("Disable selected rules", done="disabled: they match nothing")
    def disable(self, row: RequestRule, by: Principal, reason: str) -> None:
        rules.patch(row.slug, {"enabled": False}, by=by, reason=reason)

    @each_row("Count only: record and let pass", done="counted only: nothing is held back")
    def count(self, row: RequestRule, by: Principal, reason: str) -> None:
        rules.patch(row.slug, {"action": "count"}, by=by, reason=reason)

    @each_row("Challenge: ask for a proof of work", done="challenged from now on")
    def challenge(self, row: RequestRule, by: Principal, reason: str) -> None:
        rules.patch(row.slug, {"action": "challenge"}, by=by, reason=reason)

    @each_row("Block: refuse what matches", done="blocked from now on")
    def block(self, row: RequestRule, by: Principal, reason: str) -> None:
        rules.patch(row.slug, {"action": "block"}, by=by, reason=reason)
