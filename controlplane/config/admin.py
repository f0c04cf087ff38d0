"""Versions and revisions in the back office: read only."""

from django.contrib import admin

from controlplane.config.models import ConfigVersion, Revision
from controlplane.kernel.backoffice import ReadOnly


@admin.register(ConfigVersion)
class ConfigVersionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["number", "created_at", "by", "action", "subject"]
    search_fields = ["subject", "by"]


@admin.register(Revision)
class RevisionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["kind", "slug", "number", "created_at", "by", "action", "reason"]
    list_filter = ["kind"]
    search_fields = ["slug", "by", "reason"]
