"""The back office's site: its index in the groups of BACKOFFICE_INDEX, with the newest acts of the audit beside it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.text import slugify

from controlplane.kernel.access import can

RECENT = 12


class Site(AdminSite):
    site_header = "Switchgear: back office"
    site_title = "Switchgear"
    index_title = "Back office"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Groups in place of apps; what no group names is shown last."""
        found = {
            f"{app['app_label']}.{model['object_name'].lower()}": model
            for app in super().get_app_list(request, app_label)
            for model in app["models"]
        }
        for model in found.values():
            model["name"] = getattr(self._registry[model["model"]], "called", model["name"])
        groups = [(title, [found.pop(label) for label in labels if label in found]) for title, labels in self.index_of]
        groups.append(("Other", list(found.values())))
        index = reverse("admin:index")
        return [
            {
                "name": title,
                "app_label": slugify(title),
                "app_url": f"{index}#{slugify(title)}",
                "has_module_perms": True,
                "models": models,
            }
            for title, models in groups
            if models
        ]

    @property
    def index_of(self) -> list[tuple[str, list[str]]]:
        return list(settings.BACKOFFICE_INDEX)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from controlplane.audit.models import AuditEntry

        recent = AuditEntry.objects.all()[:RECENT] if can(request.user, "view", "audit:") else []
        shown = [{"entry": entry, "url": self.page_of(entry.subject)} for entry in recent]
        return super().index(request, {"recent": shown, **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponseBase:  # type: ignore[override]
        """Apps are how the code is divided, which is of no use here."""
        return redirect("admin:index")

    def get_urls(self) -> list[Any]:
        return [path("of/<slug:kind>/<slug:name>/", self.admin_view(self.of), name="of"), *super().get_urls()]

    def of(self, request: HttpRequest, kind: str, name: str) -> HttpResponseBase:
        """From a noun's page to its form, by the names that pages have."""
        address = self.page_of(f"{kind}:{name}")
        if address is None:
            raise Http404(f"The back office has no {kind} “{name}”.")
        return redirect(address)

    def page_of(self, subject: str) -> str | None:
        """The form of the noun that an audit entry is about, while it exists."""
        kind, _, name = subject.partition(":")
        for model, registered in self._registry.items():
            model_admin: Any = registered
            if getattr(model_admin, "kind", None) == kind:
                row = model._default_manager.filter(**{model_admin.name_field: name}).first()
                view = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
                return None if row is None else reverse(view, args=[row.pk])
        return None
