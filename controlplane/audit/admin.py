"""The audit in the back office: read only, each act with what it changed."""

from django.contrib import admin
from django.utils.safestring import SafeString

from controlplane.audit import chain
from controlplane.audit.models import AuditChain, AuditEntry
from controlplane.audit.tables import changes
from controlplane.kernel.backoffice import ReadOnly


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("number", "at", "by", "action", "subject", "reason")
    list_filter = ("by_kind", "action")
    search_fields = ("subject", "by", "reason", "action", "request_id")
    search_help_text = "Who, what (target:catalog), why, or the id of a request."
    date_hierarchy = "at"
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("number", "at", "by", "by_kind", "action", "subject", "reason")}),
        ("What changed", {"fields": ("what_changed",)}),
        ("Proof", {"fields": ("request_id", "previous_hash", "hash"), "classes": ("collapse",)}),
    )

    @admin.display(description="Changes")
    def what_changed(self, entry: AuditEntry) -> SafeString | str:
        return changes(entry.before, entry.after)

    def subject(self, obj: AuditEntry) -> str:
        return obj.subject


@admin.register(AuditChain)
class AuditChainAdmin(ReadOnly, admin.ModelAdmin):
    """One row: the newest entry. Its page reads the whole chain and says whether it holds."""

    called = "Audit chain"

    list_display = ("__str__", "hash")
    search_fields = ("hash",)
    search_help_text = "The newest hash, as it was written down elsewhere."
    fields = ("number", "hash", "verdict")
    readonly_fields = ("verdict",)

    @admin.display(description="Checked now")
    def verdict(self, row: AuditChain) -> str:
        found = chain.verify()
        if found.ok:
            return f"All {found.entries} entries follow each other unbroken."
        return f"Broken at entry {found.broken}: {found.why}."
