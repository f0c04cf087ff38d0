"""What happened to circuits and on the way in, in the back office: read only. Orders are given on a circuit's page."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from breakers.models import (
    DelayPeriod,
    JourneyDelay,
    Override,
    ProbeRun,
    QuotaLedger,
    RuleCount,
    Transition,
    UsageCount,
)
from controlplane.audit.tables import records
from controlplane.kernel.backoffice import ReadOnly

from .links import page_of


class Record(ReadOnly, admin.ModelAdmin):
    """A row that keeps the slug of its noun in `noun` of kind `kind_of`, and so outlives it."""

    kind_of = "target"
    noun = "target"
    list_per_page = 50
    show_full_result_count = False

    def name_of(self, obj: Any) -> str:
        found = getattr(obj, self.noun)
        return str(getattr(found, "slug", found))

    def subject(self, obj: Any) -> str:
        return f"{self.kind_of}:{self.name_of(obj)}" if self.name_of(obj) else ""

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = context["original"]
        label, url = page_of(self.kind_of, self.name_of(obj))
        more = {"page_url": url, "page_label": label, "subject": self.subject(obj)}
        return super().render_change_form(request, {**context, **more}, *args, **kwargs)


@admin.register(Override)
class OverrideAdmin(Record):
    list_display = ("target", "state", "reason", "by", "since", "expires_at")
    list_filter = ("state", ("expires_at", admin.EmptyFieldListFilter))
    list_select_related = ("target",)
    search_fields = ("target__slug", "target__title", "reason", "by")
    search_help_text = "Target, reason, or who ordered it."
    fieldsets = (
        (None, {"fields": ("target", "state", "reason", "by", "since", "expires_at")}),
        (
            "What it replaced",
            {
                "fields": (
                    "previous_state",
                    "previous_reason",
                    "previous_by",
                    "previous_since",
                    "previous_expires_at",
                ),
                "classes": ("collapse",),
            },
        ),
    )


@admin.register(JourneyDelay)
class JourneyDelayAdmin(Record):
    kind_of = noun = "journey"
    list_display = ("journey", "delayed", "severity", "reason", "by", "since", "expires_at")
    list_filter = ("delayed", "severity")
    list_select_related = ("journey",)
    search_fields = ("journey__slug", "journey__title", "reason", "message", "by")
    search_help_text = "Journey, reason, message, or who said so."


@admin.register(DelayPeriod)
class DelayPeriodAdmin(Record):
    kind_of = noun = "journey"
    list_display = ("since", "until", "journey", "cause", "detail")
    list_filter = ("cause", ("until", admin.EmptyFieldListFilter))
    search_fields = ("journey", "detail")
    search_help_text = "Journey, or words of what raised it."
    date_hierarchy = "since"


@admin.register(Transition)
class TransitionAdmin(Record):
    list_display = ("at", "target", "from_state", "to_state", "reason")
    list_filter = ("to_state", "from_state")
    search_fields = ("target", "reason")
    search_help_text = "Target, or words of the reason."
    date_hierarchy = "at"
    fields = ("target", "at", "from_state", "to_state", "reason", "wait", "failures")

    @admin.display(description="What led to it, newest first")
    def failures(self, row: Transition) -> SafeString | str:
        return records(row.evidence)

    @admin.display(description="Wait it began with")
    def wait(self, row: Transition) -> str:
        return f"{row.wait_ms / 1000:g} s" if row.wait_ms else "none"


@admin.register(ProbeRun)
class ProbeRunAdmin(Record):
    list_display = ("at", "target", "passed", "status", "took", "detail", "trigger")
    list_filter = ("passed", "status")
    search_fields = ("target", "detail", "trigger")
    search_help_text = "Target, words of the detail, or who asked for it."
    date_hierarchy = "at"
    fields = ("target", "at", "passed", "status", "took", "detail", "trigger", "each_call")

    @admin.display(description="took", ordering="latency_ms")
    def took(self, row: ProbeRun) -> str:
        return "–" if row.latency_ms is None else f"{row.latency_ms:.0f} ms"

    @admin.display(description="Each call of the round")
    def each_call(self, row: ProbeRun) -> SafeString | str:
        return records(row.calls)


@admin.register(QuotaLedger)
class QuotaLedgerAdmin(Record):
    """Reset and extended on a key's page, with a reason: here it is only read."""

    kind_of = noun = "consumer"
    list_display = ("consumer", "plan", "period_start", "period_end", "drawn", "granted", "left")
    list_filter = ("plan", "period_start")
    list_select_related = ("consumer", "plan")
    search_fields = ("consumer__slug", "consumer__title", "plan__slug", "plan__title")
    search_help_text = "Consumer or plan."
    date_hierarchy = "period_start"
    fields = (
        "consumer",
        "plan",
        "period_start",
        "period_end",
        "drawn",
        "granted",
        "extra",
        "left",
        "generation",
        "updated_at",
    )

    @admin.display(description="granted")
    def granted(self, row: QuotaLedger) -> str:
        return "unlimited" if row.plan.quota_limit is None else f"{row.plan.quota_limit + row.extra:,}"

    @admin.display(description="left")
    def left(self, row: QuotaLedger) -> str:
        if row.plan.quota_limit is None:
            return "unlimited"
        return f"{max(0, row.plan.quota_limit + row.extra - row.drawn):,}"


@admin.register(UsageCount)
class UsageCountAdmin(Record):
    kind_of = noun = "consumer"
    list_display = ("at", "span", "consumer", "plan", "outcome", "count", "peak_per_s")
    list_filter = ("span", "outcome")
    search_fields = ("consumer", "plan", "outcome")
    search_help_text = "Slug of a consumer or plan, or an outcome."
    date_hierarchy = "at"


@admin.register(RuleCount)
class RuleCountAdmin(Record):
    kind_of = noun = "rule"
    list_display = ("at", "span", "rule", "outcome", "count")
    list_filter = ("span", "outcome")
    search_fields = ("rule", "outcome")
    search_help_text = "Slug of a rule, or what was done."
    date_hierarchy = "at"
