"""A panel is a class and a template: it reads, never writes. Pages are lists of panels named in DASHBOARD_PANELS."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string

from controlplane.kernel import seams
from controlplane.kernel.access import can


class Panel:
    """One part of a page. Subclass it, give it a template under `panels/`, and name it in DASHBOARD_PANELS."""

    slug: ClassVar[str]
    title: ClassVar[str]
    template: ClassVar[str]
    order: ClassVar[int] = 100
    act: ClassVar[str] = "view"

    def context(self, request: HttpRequest) -> dict[str, Any]:
        """What the template needs. Called for the page and for its live fragment alike."""
        return {}

    def render(self, request: HttpRequest, **more: Any) -> str:
        """The panel's HTML."""
        context = {"panel": self, **self.context(request), **more}
        return render_to_string(self.template, context, request=request)


def panels(request: HttpRequest) -> list[Panel]:
    """The panels this visitor may see, in their order."""
    found: list[Panel] = [seams.resolve(path)() for path in settings.DASHBOARD_PANELS]
    seen = [panel for panel in found if can(request.user, panel.act, panel)]
    return sorted(seen, key=lambda panel: panel.order)
