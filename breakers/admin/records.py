"""What happened to circuits, in the back office: read only. Orders are given on a circuit's page."""

from django.contrib import admin

from breakers.models import JourneyDelay, Override, ProbeRun, Transition
from controlplane.kernel.backoffice import ReadOnly


@admin.register(Override)
class OverrideAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("target", "state", "reason", "by", "since", "expires_at")
    list_filter = ("state",)
    list_select_related = ("target",)


@admin.register(JourneyDelay)
class JourneyDelayAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("journey", "delayed", "severity", "reason", "by", "since", "expires_at")
    list_select_related = ("journey",)


@admin.register(Transition)
class TransitionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("at", "target", "from_state", "to_state", "reason")
    list_filter = ("to_state",)
    search_fields = ("target", "reason")
    date_hierarchy = "at"


@admin.register(ProbeRun)
class ProbeRunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("at", "target", "passed", "status", "latency_ms", "detail", "trigger")
    list_filter = ("passed",)
    search_fields = ("target", "detail", "trigger")
    date_hierarchy = "at"
