"""Stages, usage plans and throttles in the back office: who may call how often, and where."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from breakers import routes
from breakers.core import sentences
from breakers.documents import checking
from breakers.documents import plans as plan_documents
from breakers.documents import stages as stage_documents
from breakers.documents import throttles as throttle_documents
from breakers.documents.defaults import Document
from breakers.documents.fields import METHODS
from breakers.models import PlanOverride, Stage, Throttle, UsagePlan
from breakers.operations import plans, stages, throttles
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import each_row

from .forms import DocumentForm, chosen, enters_by_main, stated
from .operations import Part, ThroughOperations

STAGE = (
    "title",
    "hosts",
    "base_path",
    "rate",
    "burst",
    "on_store_error",
    "allowed_origins",
    "trusted_proxies",
    "max_body_bytes",
    "max_header_bytes",
)
STAGE_CACHE = ("ttl_s", "vary_headers", "vary_query")
PLAN = ("title", "description", "rate", "burst", "mode", "on_store_error")
QUOTA = ("limit", "period", "time_zone", "offset_h")
OVERRIDE = ("route", "method", "rate", "burst")
THROTTLE = ("title", "scope", "route", "method", "rate", "burst", "on_store_error")


def choose_place(form: forms.ModelForm) -> None:
    """Route and method are chosen from what there is; a column that holds another word goes on showing it."""
    known = [facts.slug for facts in routes.known()]
    for name, title, words in (("route", "any route", known), ("method", "any method", list(METHODS))):
        if name in form.fields:  # absent for those who may only look
            field = form.fields[name]
            present = str(getattr(form.instance, name) or "")
            form.fields[name] = forms.ChoiceField(
                label=field.label,
                required=False,
                choices=chosen(title, words, present),
                help_text=field.help_text,
            )


class StageForm(DocumentForm):
    columns = {"cache": "cache_"}

    class Meta:
        model = Stage
        fields = ("slug", *STAGE, *(f"cache_{name}" for name in STAGE_CACHE))

    def to_document(self) -> Document:
        given = self.cleaned_data
        cache = {name: given[f"cache_{name}"] for name in STAGE_CACHE}
        return {**{name: given[name] for name in STAGE}, "cache": {**cache, "vary_query": cache["vary_query"] or None}}

    def judge(self, slug: str, document: Document) -> None:
        stages.check(slug, checking.shaped(stage_documents.StageShape, slug, document))

    def _home(self, path: str) -> tuple[Any, str]:
        return super()._home(path.partition("[")[0])


@admin.register(Stage)
class StageAdmin(ThroughOperations):
    kind = "stage"
    form = StageForm
    operations = stages
    consequence = "Requests to its hosts and base path are answered 404 within a second, or enter another stage."
    list_display = ("slug", "title", "hosts_shown", "base_path", "rate", "burst", "in_one_sentence")
    list_editable = ("rate", "burst")
    list_filter = ("on_store_error", ("rate", admin.EmptyFieldListFilter))
    search_fields = ("slug", "title", "hosts", "base_path", "allowed_origins")
    search_help_text = "Slug, title, host, base path or origin."
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("slug", "title")}),
        ("Which requests enter here", {"fields": ("hosts", "base_path")}),
        ("Limit of everything that enters here", {"fields": (("rate", "burst"), "on_store_error")}),
        ("Browsers and proxies", {"fields": ("allowed_origins", "trusted_proxies")}),
        ("Sizes", {"fields": (("max_body_bytes", "max_header_bytes"),)}),
        ("Answers kept at the front door", {"fields": tuple(f"cache_{name}" for name in STAGE_CACHE)}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    @admin.display(description="hosts")
    def hosts_shown(self, stage: Stage) -> str:
        return ", ".join(stage.hosts) or "any"

    @admin.display(description="In one sentence")
    def in_one_sentence(self, stage: Stage) -> str:
        return self.sentence(stage)

    def sentence(self, obj: Stage) -> str:
        return sentences.stage(stage_documents.document(obj))


class PlanForm(DocumentForm):
    columns = {"quota": "quota_"}

    class Meta:
        model = UsagePlan
        fields = ("slug", *PLAN, *(f"quota_{name}" for name in QUOTA), "stages")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enters_by_main(self)

    def to_document(self) -> Document:
        given = self.cleaned_data
        quota = {name: given[f"quota_{name}"] for name in QUOTA}
        return {
            **{name: given[name] for name in PLAN},
            "quota": None if quota["limit"] is None else quota,
            "stages": [stage.slug for stage in given["stages"]],
            "overrides": [stated(form, *OVERRIDE) for form in self.parts("overrides")],
        }

    def judge(self, slug: str, document: Document) -> None:
        plans.check(slug, checking.shaped(plan_documents.UsagePlanShape, slug, document))

    def _home(self, path: str) -> tuple[Any, str]:
        return super()._home("stages" if path.startswith("stages") else path)

    def clean_quota_time_zone(self) -> str:
        zone = self.cleaned_data["quota_time_zone"]
        try:
            plan_documents.time_zone(zone)
        except ValueError as error:
            raise forms.ValidationError(f"{error}.".replace("?.", "?"), "invalid") from None
        return zone


class OverrideForm(forms.ModelForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose_place(self)


class OverrideInline(Part, admin.TabularInline):
    model = PlanOverride
    form = OverrideForm
    fields = ("position", *OVERRIDE)
    verbose_name = "override"
    verbose_name_plural = "Overrides: limits that replace the plan's own on a route, a method, or a method of a route"


@admin.register(UsagePlan)
class PlanAdmin(ThroughOperations):
    kind = "plan"
    form = PlanForm
    operations = plans
    consequence = (
        "Keys that have no other plan in a stage open it no more, within a second. What was used stays counted."
    )
    list_display = ("slug", "title", "mode", "rate", "burst", "quota_limit", "quota_period", "keys_of")
    list_editable = ("mode", "rate", "burst")
    list_filter = ("mode", "quota_period", "stages", "on_store_error")
    search_fields = ("slug", "title", "description")
    search_help_text = "Slug, title or description."
    autocomplete_fields = ("stages",)
    readonly_fields = ("created_at", "updated_at")
    actions = ("enforce", "count")
    inlines = (OverrideInline,)
    fieldsets = (
        (None, {"fields": ("slug", "title", "description", "stages")}),
        ("How often", {"fields": (("rate", "burst"),), "description": "Of each consumer; its keys share the limit."}),
        (
            "How much in all",
            {
                "fields": (("quota_limit", "quota_period"), ("quota_time_zone", "quota_offset_h")),
                "description": "Editing a plan never resets what was used.",
            },
        ),
        ("What happens above the limits", {"fields": ("mode", "on_store_error")}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsagePlan]:
        return plans.rows().annotate(key_count=Count("keys", distinct=True))

    @admin.display(description="keys", ordering="key_count")
    def keys_of(self, plan: Any) -> int:
        return plan.key_count

    def sentence(self, obj: UsagePlan) -> str:
        return sentences.plan(plan_documents.document(obj))

    @each_row("Enforce: refuse what is above the limits", done="enforced from now on")
    def enforce(self, row: UsagePlan, by: Principal, reason: str) -> None:
        plans.patch(row.slug, {"mode": "enforce"}, by=by, reason=reason)

    @each_row("Count only: let everything pass", done="counted only: nothing is refused")
    def count(self, row: UsagePlan, by: Principal, reason: str) -> None:
        plans.patch(row.slug, {"mode": "count"}, by=by, reason=reason)


class ThrottleForm(DocumentForm):
    class Meta:
        model = Throttle
        fields = ("slug", *THROTTLE, "stage")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose_place(self)

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {
            **{name: given[name] for name in THROTTLE},
            "stage": given["stage"].slug if given["stage"] else None,
            "route": given["route"] or None,
            "method": given["method"] or None,
        }

    def judge(self, slug: str, document: Document) -> None:
        throttles.check(slug, checking.shaped(throttle_documents.ThrottleShape, slug, document))

    def validate_constraints(self) -> None:
        """Judged by the operation, which names the other throttle."""


@admin.register(Throttle)
class ThrottleAdmin(ThroughOperations):
    kind = "throttle"
    form = ThrottleForm
    operations = throttles
    consequence = "What it covers falls back to the next limit, or to none, within a second."
    list_display = ("slug", "scope", "stage", "route", "method", "rate", "burst", "on_store_error")
    list_editable = ("rate", "burst")
    list_filter = ("scope", "stage", "on_store_error")
    list_select_related = ("stage",)
    search_fields = ("slug", "title", "route", "method", "stage__slug")
    search_help_text = "Slug, title, route, method or stage."
    autocomplete_fields = ("stage",)
    readonly_fields = ("created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("slug", "title")}),
        (
            "What it covers",
            {
                "fields": ("scope", "stage", "route", "method"),
                "description": "One bucket, shared by everything that it covers. The most specific throttle counts.",
            },
        ),
        ("How often", {"fields": (("rate", "burst"), "on_store_error")}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def sentence(self, obj: Throttle) -> str:
        return sentences.throttle(throttle_documents.document(obj))
