"""Targets in the back office: one page with the breaker, its policies, the probe, classification and contracts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from breakers.compiling import target_body
from breakers.core.settings import parse_target, sentence
from breakers.documents import checking, rows, secret_fields
from breakers.documents.defaults import Document
from breakers.models import Breaker, BreakerPolicy, ClassificationRule, Contract, Probe, Target
from breakers.operations import targets
from controlplane.audit.tables import facts
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import each_row

from .forms import DocumentForm, stated
from .operations import Part, ThroughOperations
from .secret_fields import REACHED, SecretFields, home
from .static_answers import StaticAnswerFields

PLAIN = (
    "title",
    "description",
    "owner",
    "team",
    "tags",
    "contact",
    "runbook_url",
    "status_page_url",
    "base_url",
    "kind",
    "timeout_ms",
    "max_concurrency",
    "follow_redirects",
    "on_store_error",
)
CACHE = ("write_through", "ttl_s", "max_stale_s", "vary_headers")
BREAKER = (
    "mode",
    "wait_duration_in_open_state_s",
    "wait_backoff_multiplier",
    "max_wait_duration_in_open_state_s",
    "half_open_by",
    "permitted_number_of_calls_in_half_open_state",
    "success_threshold",
    "max_wait_duration_in_half_open_state_s",
)
POLICY = (
    "type",
    "threshold",
    "failure_rate_threshold",
    "slow_call_rate_threshold",
    "slow_call_duration_threshold_ms",
    "minimum_number_of_calls",
    "sliding_window_type",
    "sliding_window_size",
)
PROBE = ("method", "path", "expect_status", "expect_body_contains", "timeout_ms", "interval_s", "count")
RULE = ("match", "outcome")
CONTRACT = ("limit", "period_s", "on_exhausted", "max_wait_ms")


class TargetForm(StaticAnswerFields, SecretFields, DocumentForm):
    columns = {"cache": "cache_"}

    class Meta:
        model = Target
        fields = ("slug", *PLAIN, *REACHED, *(f"cache_{name}" for name in CACHE))

    def to_document(self) -> Document:
        given = self.cleaned_data
        document = {name: given[name] for name in PLAIN}
        document["breaker"] = next((stated(form, *BREAKER) for form in self.parts("breaker")), {})
        if policies := [stated(form, *POLICY) for form in self.parts("policies")]:
            document["breaker"]["policies"] = policies
        document["probe"] = next((stated(form, *PROBE) for form in self.parts("probe")), None)
        document["classification"] = [stated(form, *RULE) for form in self.parts("classification")]
        document["contracts"] = [stated(form, *CONTRACT) for form in self.parts("contracts")]
        document["cache"] = {name: given[f"cache_{name}"] for name in CACHE}
        document["fallback"] = {"static": self.static_answer()}
        document["proxy"], document["credentials"] = self.proxy(), self.credentials()
        return document

    def judge(self, slug: str, document: Document) -> None:
        secret_fields.check(Target.objects.filter(slug=slug).first(), checking.target(slug, document))

    def _home(self, path: str) -> Any:
        if path.startswith(("proxy", "credentials")):
            return self, home(path)
        if path.startswith("fallback"):
            return self, f"fallback_{path.rpartition('.')[2]}"
        if path == "breaker.policies":
            return self, ""
        return super()._home(path.removeprefix("breaker.") if path.startswith("breaker.policies") else path)


class BreakerInline(Part, admin.StackedInline):
    model = Breaker
    min_num = max_num = 1
    can_delete = False
    verbose_name_plural = "Breaker: how long an open circuit waits, and what closes it"
    fieldsets = (
        (None, {"fields": ("mode",)}),
        (
            "While open",
            {
                "fields": (
                    (
                        "wait_duration_in_open_state_s",
                        "wait_backoff_multiplier",
                        "max_wait_duration_in_open_state_s",
                    ),
                )
            },
        ),
        (
            "While recovery is tried",
            {
                "fields": (
                    "half_open_by",
                    (
                        "permitted_number_of_calls_in_half_open_state",
                        "success_threshold",
                        "max_wait_duration_in_half_open_state_s",
                    ),
                )
            },
        ),
    )


class PolicyInline(Part, admin.StackedInline):
    model = BreakerPolicy
    fieldsets = (
        (None, {"fields": (("type", "position"),)}),
        ("Of failures in a row", {"fields": ("threshold",)}),
        ("Of a share of failed calls", {"fields": ("failure_rate_threshold",)}),
        (
            "Of a share of slow calls",
            {"fields": (("slow_call_duration_threshold_ms", "slow_call_rate_threshold"),)},
        ),
        (
            "Window of a share",
            {"fields": (("sliding_window_type", "sliding_window_size", "minimum_number_of_calls"),)},
        ),
    )
    verbose_name_plural = "Policies: any one of them opens the circuit (none: 5 failures in a row do)"


class ProbeForm(forms.ModelForm):
    """An added probe is meant, even when it is left at its defaults; spaces around the expected text count."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expect_body_contains" in self.fields:  # absent for those who may only look
            self.fields["expect_body_contains"].strip = False  # type: ignore[attr-defined]

    def has_changed(self) -> bool:
        return True


class ProbeInline(Part, admin.StackedInline):
    model = Probe
    form = ProbeForm
    max_num = 1
    fields = (
        ("method", "path"),
        ("expect_status", "expect_body_contains"),
        ("interval_s", "timeout_ms", "count"),
    )
    verbose_name_plural = "Probe: the call of our own that finds out whether the target has recovered"


class ClassificationInline(Part, admin.TabularInline):
    model = ClassificationRule
    fields = ("position", *RULE)
    verbose_name_plural = "Classification: what an answer counts as; the first rule that matches wins"


class ContractInline(Part, admin.TabularInline):
    model = Contract
    fields = CONTRACT
    verbose_name_plural = "Contracts: how many calls the provider has agreed to take"


@admin.register(Target)
class TargetAdmin(ThroughOperations):
    kind = "target"
    form = TargetForm
    operations = targets
    list_display = ("slug", "title", "team", "base_url", "in_one_sentence")
    list_filter = ("kind", "breaker__mode", "team", "on_store_error")
    search_fields = ("slug", "title", "description", "owner", "team", "tags", "base_url")
    search_help_text = "Slug, title, description, owner, team, tag or address."
    readonly_fields = ("created_at", "updated_at")
    actions = ("observe", "enforce")
    inlines = (BreakerInline, PolicyInline, ProbeInline, ClassificationInline, ContractInline)
    fieldsets = (
        (None, {"fields": ("slug", "title", "description")}),
        ("Where it is", {"fields": ("base_url", "kind", ("timeout_ms", "max_concurrency"), "follow_redirects")}),
        ("Through a proxy", {"fields": ("proxy_url", ("proxy_username", "proxy_secret"))}),
        (
            "Credentials that every call carries",
            {"fields": ("credentials_type", ("credentials_name", "credentials_value"))},
        ),
        ("When Valkey is away", {"fields": ("on_store_error",)}),
        (
            "Who answers for it",
            {"fields": (("owner", "team"), "contact", "runbook_url", "status_page_url", "tags")},
        ),
        (
            "Cache",
            {"fields": ("cache_write_through", ("cache_ttl_s", "cache_max_stale_s"), "cache_vary_headers")},
        ),
        (
            "Static answer: what callers get when nothing else is left",
            {"fields": (("fallback_status", "fallback_content_type"), "fallback_body")},
        ),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Target | None = None) -> Any:
        """Whoever may only look sees the static answer as it is stored, and no secret: those are fields of the form."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        looked_at = {"Static": ("static_answer",), "Through": REACHED[:2], "Credentials": REACHED[2:]}
        return [
            (title, {**options, "fields": looked_at.get((title or "").partition(" ")[0], options["fields"])})
            for title, options in self.fieldsets
        ]

    @admin.display(description="Static answer")
    def static_answer(self, target: Target) -> SafeString | str:
        return "None: callers get 503." if target.fallback_static is None else facts(target.fallback_static)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Target]:
        """With what a sentence is made of, in five queries for the whole list."""
        return rows.targets()

    def sentence(self, obj: Target) -> str:
        return sentence(parse_target(target_body(obj)))

    @admin.display(description="In one sentence")
    def in_one_sentence(self, target: Target) -> str:
        return self.sentence(target)

    @each_row("Observe: count and conclude, refuse nothing", done="observed: an open circuit stops no call")
    def observe(self, row: Target, by: Principal, reason: str) -> None:
        targets.patch(row.slug, {"breaker": {"mode": "observe"}}, by=by, reason=reason)

    @each_row("Enforce: an open circuit stops calls", done="enforced: an open circuit stops calls")
    def enforce(self, row: Target, by: Principal, reason: str) -> None:
        targets.patch(row.slug, {"breaker": {"mode": "enforce"}}, by=by, reason=reason)
