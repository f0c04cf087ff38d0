"""What is held at AWS, and the journal of calls, in the back office: read only."""

from django.contrib import admin

from controlplane.aws.models import AwsCall, Holding
from controlplane.kernel.backoffice import ReadOnly


@admin.register(Holding)
class HoldingAdmin(ReadOnly, admin.ModelAdmin):
    called = "Held at AWS"
    list_display = ("title", "reached", "error", "attempts", "due_at")
    list_filter = ("reached",)
    search_fields = ("key", "title", "error")
    search_help_text = "Key, title or error."
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("key", "title", "desired", "turn", "since", "actual", "seen_at", "reached")}),
        ("Attempts", {"fields": ("attempts", "error", "tried_at", "due_at")}),
    )

    def subject(self, obj: Holding) -> str:
        return obj.key


@admin.register(AwsCall)
class AwsCallAdmin(ReadOnly, admin.ModelAdmin):
    called = "Calls to AWS"
    list_display = ("at", "by", "call", "outcome", "detail", "ms")
    list_filter = ("outcome",)
    search_fields = ("by", "call", "detail")
    search_help_text = "What wanted it, the call, or why it failed."
    date_hierarchy = "at"
    show_full_result_count = False
    fields = ("at", "by", "call", "outcome", "detail", "ms")

    def subject(self, obj: AwsCall) -> str:
        return f"aws:{obj.by}"
