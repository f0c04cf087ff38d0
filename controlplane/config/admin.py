"""Versions, their pieces and revisions in the back office: read only, as tables."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.audit.tables import changes, facts
from controlplane.config.models import ConfigHead, ConfigPiece, ConfigVersion, Revision
from controlplane.kernel.backoffice import ReadOnly


@admin.register(ConfigHead)
class ConfigHeadAdmin(ReadOnly, admin.ModelAdmin):
    """One row: the version that every process is to run."""

    called = "Present version"

    list_display = ("__str__",)
    search_fields = ("number",)
    fields = ("number",)


@admin.register(ConfigVersion)
class ConfigVersionAdmin(ReadOnly, admin.ModelAdmin):
    called = "Versions"
    list_display = ("number", "created_at", "by", "action", "subject")
    list_filter = ("action",)
    search_fields = ("subject", "by")
    search_help_text = "What was changed (target:catalog), or by whom."
    date_hierarchy = "created_at"
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("number", "created_at", "by", "action", "subject")}),
        ("Against the version before", {"fields": ("what_changed",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConfigVersion]:
        """Lists need no manifest, which is the large part."""
        return super().get_queryset(request).defer("manifest")

    @admin.display(description="Pieces")
    def what_changed(self, version: ConfigVersion) -> SafeString | str:
        before = ConfigVersion.objects.filter(number__lt=version.number).order_by("-number").first()
        old = {} if before is None else before.manifest
        found = sorted(key for key in old.keys() | version.manifest.keys() if old.get(key) != version.manifest.get(key))
        return (
            format_html_join("", "<div>{}</div>", ((_piece(key, old, version.manifest),) for key in found)) or "None."
        )

    def subject(self, obj: ConfigVersion) -> str:
        return obj.subject


def _piece(key: str, old: dict[str, Any], new: dict[str, Any]) -> SafeString | str:
    if key not in new:
        return f"{key} was removed"
    verb = "changed" if key in old else "was added"
    address = reverse("admin:config_configpiece_change", args=[new[key]])
    return format_html("<a href='{}'>{}</a> {}", address, key, verb)


@admin.register(ConfigPiece)
class ConfigPieceAdmin(ReadOnly, admin.ModelAdmin):
    called = "Compiled pieces"
    list_display = ("slug", "kind", "short_digest")
    list_filter = ("kind",)
    search_fields = ("slug", "digest")
    search_help_text = "The noun's slug, or a digest."
    show_full_result_count = False
    fields = ("kind", "slug", "digest", "compiled")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConfigPiece]:
        return super().get_queryset(request).defer("body")

    @admin.display(description="digest", ordering="digest")
    def short_digest(self, piece: ConfigPiece) -> str:
        return f"{piece.digest[:12]}…"

    @admin.display(description="What processes read")
    def compiled(self, piece: ConfigPiece) -> SafeString | str:
        # Hashes of keys open nothing, yet nobody needs to see them.
        return "By their hashes; not shown." if piece.kind in ("keys", "tokens") else facts(_without_sealed(piece.body))

    def subject(self, obj: ConfigPiece) -> str:
        return f"{obj.kind}:{obj.slug}"


def _without_sealed(body: Any) -> Any:
    """Encrypted secrets are of use to nobody who reads."""
    if isinstance(body, dict):
        return {name: "(encrypted)" if name == "sealed" else _without_sealed(value) for name, value in body.items()}
    return [_without_sealed(item) for item in body] if isinstance(body, list) else body


@admin.register(Revision)
class RevisionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("__str__", "created_at", "by", "action", "reason")
    list_filter = ("kind", "action")
    search_fields = ("slug", "by", "reason")
    search_help_text = "The noun's slug, who changed it, or why."
    date_hierarchy = "created_at"
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("kind", "slug", "number", "created_at", "by", "action", "reason")}),
        ("Against the revision before", {"fields": ("what_changed",)}),
        ("The whole document", {"fields": ("document",), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Revision]:
        return super().get_queryset(request).defer("body")

    @admin.display(description="Changes")
    def what_changed(self, revision: Revision) -> SafeString | str:
        before = Revision.objects.filter(kind=revision.kind, slug=revision.slug, number=revision.number - 1).first()
        return changes(None if before is None else before.body, revision.body)

    @admin.display(description="Document")
    def document(self, revision: Revision) -> SafeString | str:
        return "It was deleted." if revision.body is None else facts(revision.body)

    def subject(self, obj: Revision) -> str:
        return f"{obj.kind}:{obj.slug}"
