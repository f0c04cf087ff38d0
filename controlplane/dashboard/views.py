"""The shell's own pages: panels, health, metrics, API docs and the pages that explain problem kinds."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.negotiation import DefaultContentNegotiation

from controlplane.access.forms import login_required_keeping_form
from controlplane.dashboard import exposition, health
from controlplane.dashboard.panels import panels
from controlplane.kernel import errors, seams
from controlplane.kernel.access import require


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. It asks nobody else."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """What this process depends on, each with detail: 503 while the database or Valkey is away."""
    found = health.document(health.findings())
    return JsonResponse(found, status=503 if found["status"] == "down" else 200)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition.exposition(), content_type=CONTENT_TYPE_LATEST)


@require_safe
@login_required_keeping_form
@require("view")
def panel(request: HttpRequest, slug: str) -> HttpResponse:
    """One panel: a whole page by itself, or just the fragment when HTMX asks."""
    found = next((panel for panel in panels(request) if panel.slug == slug), None)
    if found is None:
        raise Http404(f"There is no panel “{slug}”.")
    html = found.render(request)
    if request.headers.get("HX-Request"):
        return HttpResponse(html)
    return render(request, "dashboard/panel.html", {"panel": found, "html": html})


@require_safe
def problem(request: HttpRequest, kind: str) -> HttpResponse:
    """What a problem `type` URI leads to: what this kind of error means and what to do about it."""
    for module in settings.PROBLEM_MODULES:
        seams.resolve(module)
    found: Any = errors.kinds().get(kind)
    if found is None:
        raise Http404(f"There is no problem kind “{kind}”.")
    return render(request, "problems/kind.html", {"problem": found, "meaning": (found.__doc__ or "").strip()})


# The one address with two representations, YAML and JSON; everything else answers JSON whatever Accept says.
schema = SpectacularAPIView.as_view(content_negotiation_class=DefaultContentNegotiation)

# Swagger UI styles itself from script, so this one view allows inline styles; scripts stay 'self'.
docs: Any = csp_update({"style-src": ["'unsafe-inline'"]})(SpectacularSwaggerSplitView.as_view(url_name="schema"))
