"""Routes in the back office, saved and deleted by their operations."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from breakers.admin.forms import DocumentForm, enters_by_main
from breakers.admin.operations import ThroughOperations
from breakers.documents import checking
from breakers.documents.defaults import Document
from compositions import destinations, key_sets
from compositions.documents.routes import INTEGRATIONS, RouteShape, document
from compositions.models import Route
from compositions.operations import routes
from compositions.sentences import route as sentence
from controlplane.kernel.access import Principal
from controlplane.kernel.backoffice import each_row

PLAIN = ("title", "tags", "methods", "path", "priority", "enabled", "api_key_required")
AUTHORIZER = ("issuer", "audience", "jwks_url", "jwks", "header", "from")
CACHE = ("ttl_s", "vary_headers", "vary_query")


class RouteForm(DocumentForm):
    columns = {"cache": "cache_", "authorizer": "authorizer_"}

    class Meta:
        model = Route
        fields = (
            "slug",
            *PLAIN,
            "integration_type",
            "target",
            "composition",
            "pipe",
            "integration_path",
            "stages",
            "authorizer_type",
            *(f"authorizer_{name}" for name in AUTHORIZER),
            *(f"cache_{name}" for name in CACHE),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enters_by_main(self)
        if self.instance.authorizer_jwks:
            self.initial["authorizer_jwks"] = key_sets.shown(json.loads(self.instance.authorizer_jwks))

    def to_document(self) -> Document:
        given = self.cleaned_data
        return {
            **{name: given[name] for name in PLAIN},
            "integration": self._integration(),
            "stages": [stage.slug for stage in given["stages"]],
            "authorizer": self._authorizer(),
            "cache": {
                "ttl_s": given["cache_ttl_s"],
                "vary_headers": given["cache_vary_headers"],
                "vary_query": given["cache_vary_query"] or None,
            },
        }

    def _integration(self) -> Document:
        """The block of the chosen type; what stands in fields of another type is left out."""
        given = self.cleaned_data
        chosen = given["integration_type"]
        row = given.get(chosen)
        block = {chosen: row.slug if row else None, "path": given["integration_path"] or None}
        stated = {name: block[name] for name in INTEGRATIONS[chosen] if block[name] is not None}
        return {"type": chosen, **stated}

    def _authorizer(self) -> Document | None:
        given = self.cleaned_data
        if not given["authorizer_type"]:
            return None
        stated = {name: given[f"authorizer_{name}"] for name in AUTHORIZER if given[f"authorizer_{name}"]}
        return {"type": given["authorizer_type"], **stated}

    def clean_authorizer_jwks(self) -> Any:
        text = self.cleaned_data["authorizer_jwks"]
        kept = self.instance.authorizer_jwks
        try:
            return key_sets.read(text, json.loads(kept) if kept else None) if text.strip() else None
        except ValueError as error:
            raise forms.ValidationError(f"{error}.", "invalid") from None

    def judge(self, slug: str, document: Document) -> None:
        routes.check(slug, checking.shaped(RouteShape, slug, document))

    def _home(self, path: str) -> tuple[Any, str]:
        homes = {"integration.type": "integration_type", "integration.path": "integration_path"}
        if path.startswith("integration"):
            return self, homes.get(path, path.removeprefix("integration."))
        if path.startswith("authorizer.jwks."):
            return self, "authorizer_jwks"
        return super()._home(path.partition("[")[0])


@admin.register(Route)
class RouteAdmin(ThroughOperations):
    kind = "route"
    form = RouteForm
    operations = routes
    consequence = "Its requests are answered 404 within a second, unless another route takes them."
    list_display = ("slug", "title", "shown_methods", "path", "goes_to", "priority", "enabled", "api_key_required")
    list_editable = ("priority", "enabled", "api_key_required")
    list_filter = ("enabled", "api_key_required", "authorizer_type", "integration_type", "stages", "target")
    search_fields = ("slug", "title", "path", "target__slug", "composition__slug", "pipe__slug")
    search_help_text = "Slug, title, path, target, composition or pipe."
    autocomplete_fields = ("target", "composition", "pipe", "stages")
    readonly_fields = ("created_at", "updated_at")
    actions = ("enable", "disable")
    fieldsets = (
        (None, {"fields": ("slug", "title", "tags", "enabled")}),
        ("Requests that it takes", {"fields": ("methods", "path", "priority", "stages")}),
        ("Where they go", {"fields": ("integration_type", "target", "integration_path", "composition", "pipe")}),
        ("Who may call", {"fields": ("api_key_required", "authorizer_type")}),
        (
            "With jwt: a signed bearer token",
            {"fields": tuple(f"authorizer_{name}" for name in ("issuer", "audience", "jwks_url", "jwks"))},
        ),
        ("With trusted header: a proxy's word", {"fields": ("authorizer_header", "authorizer_from")}),
        ("Answers kept at the front door", {"fields": tuple(f"cache_{name}" for name in CACHE)}),
        ("Since when", {"fields": ("created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        return routes.rows()

    def sentence(self, obj: Route) -> str:
        return sentence(document(obj))

    @admin.display(description="goes to")
    def goes_to(self, route: Route) -> str:
        return destinations.of(route).title

    @admin.display(description="methods")
    def shown_methods(self, route: Route) -> str:
        return " ".join(route.methods)

    @each_row("Enable selected routes", done="enabled")
    def enable(self, row: Route, by: Principal, reason: str) -> None:
        routes.patch(row.slug, {"enabled": True}, by=by, reason=reason)

    @each_row("Disable selected routes", done="disabled: they match nothing")
    def disable(self, row: Route, by: Principal, reason: str) -> None:
        routes.patch(row.slug, {"enabled": False}, by=by, reason=reason)
