"""Routes in the back office, saved and deleted by their operations."""

from django.contrib import admin

from breakers.admin.forms import DocumentForm
from breakers.admin.operations import ThroughOperations
from breakers.documents import checking
from breakers.documents.defaults import Document
from compositions.documents.routes import RouteShape
from compositions.models import Route
from compositions.operations import routes


class RouteForm(DocumentForm):
    columns = {"cache": "cache_"}

    class Meta:
        model = Route
        fields = (
            "slug",
            "title",
            "methods",
            "path",
            "priority",
            "enabled",
            "integration_type",
            "target",
            "integration_path",
            "cache_ttl_s",
            "cache_vary_headers",
            "cache_vary_query",
        )

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {
            **{name: given[name] for name in ("title", "methods", "path", "priority", "enabled")},
            "integration": {
                "type": given["integration_type"],
                "target": given["target"].slug,
                "path": given["integration_path"] or None,
            },
            "cache": {
                "ttl_s": given["cache_ttl_s"],
                "vary_headers": given["cache_vary_headers"],
                "vary_query": given["cache_vary_query"] or None,
            },
        }

    def judge(self, slug: str, document: Document) -> None:
        routes.check(slug, checking.shaped(RouteShape, slug, document))

    def _home(self, path: str) -> tuple[DocumentForm, str]:
        homes = {"integration.type": "integration_type", "integration.path": "integration_path"}
        if path.startswith("methods"):
            return self, "methods"
        if path.startswith("integration"):
            return self, homes.get(path, "target")
        return super()._home(path)  # type: ignore[return-value]


@admin.register(Route)
class RouteAdmin(ThroughOperations):
    form = RouteForm
    operations = routes
    list_display = ("slug", "title", "shown_methods", "path", "target", "integration_path", "priority", "enabled")
    list_filter = ("enabled", "target")
    list_select_related = ("target",)
    search_fields = ("slug", "title", "path")
    fieldsets = (
        (None, {"fields": ("slug", "title", "enabled")}),
        ("Requests that it takes", {"fields": ("methods", "path", "priority")}),
        ("Where they go", {"fields": ("integration_type", "target", "integration_path")}),
        ("Cache at the front door", {"fields": ("cache_ttl_s", "cache_vary_headers", "cache_vary_query")}),
        ("Why", {"fields": ("reason",)}),
    )

    @admin.display(description="methods")
    def shown_methods(self, route: Route) -> str:
        return " ".join(route.methods)
