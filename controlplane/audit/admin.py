"""The audit in the back office: read only."""

from django.contrib import admin

from controlplane.audit.models import AuditEntry
from controlplane.kernel.backoffice import ReadOnly


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "at", "by", "action", "subject", "reason"]
    list_filter = ["action", "by_kind"]
    search_fields = ["subject", "by", "reason"]
