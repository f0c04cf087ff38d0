"""Throttles: their list, the question which limit is effective, and the form of one."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from breakers import routes
from breakers.core import sentences
from breakers.documents import stages as stage_documents
from breakers.documents import throttles as documents
from breakers.documents.fields import METHODS
from breakers.documents.throttles import ThrottleShape
from breakers.models import Stage, Throttle, UsagePlan
from breakers.operations import throttles as operations
from breakers.panels import limits
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import can, require

from . import changing, exporting, previewing
from .limit_forms import ThrottleForm

NOUN = changing.Noun(
    "throttle",
    "throttle",
    ThrottleForm,
    ThrottleShape,
    documents,
    operations,
    sentences.throttle,
    previewing.throttle,
    lambda row: [],
    "What it replaced counts again: the next less specific throttle, or the stage's own rate.",
)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def throttles(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    limited = Stage.objects.exclude(rate=None)
    context = {
        "rows": [(row, sentences.throttle(documents.document(row))) for row in found],
        "stages": [(stage.slug, sentences.stage(stage_documents.document(stage))) for stage in limited],
        "q": request.GET.get("q", ""),
        "may_configure": can(request.user, "configure", "throttle:"),
        "resolver": _resolver(request),
    }
    return render(request, "breakers/throttles.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    names = ("slug", "title", "scope", "stage", "route", "method", "rate", "burst", "on_store_error")
    rows = ([documents.document(row)[name] for name in names] for row in _found(request))
    return exporting.table("throttles", names, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("view")
def throttle(request: HttpRequest, slug: str) -> HttpResponse:
    """What the throttle says, and its form for those who may change it."""
    return changing.change(request, NOUN, slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    begin = {name: request.GET[name] for name in ("scope", "stage", "route", "method") if name in request.GET}
    return changing.change(request, NOUN, None, like=begin)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.delete(request, NOUN, slug)


def _found(request: HttpRequest) -> list[Throttle]:
    q = request.GET.get("q", "").strip()
    wanted = Q(slug__icontains=q) | Q(title__icontains=q) | Q(route__icontains=q) | Q(method__iexact=q)
    order = {scope: number for number, scope in enumerate(("account", "stage", "route", "method"))}
    rows = operations.rows().filter(wanted | Q(stage__slug__icontains=q)) if q else operations.rows()
    return sorted(rows, key=lambda row: (order[row.scope], row.slug))


def _resolver(request: HttpRequest) -> dict[str, Any]:
    """ "Which limit is effective for …": what was asked, what can be asked, and the answer."""
    asked = {name: request.GET.get(name, "") for name in ("stage", "route", "method", "plan")}
    found: dict[str, Any] = {
        "asked": asked,
        "stages": list(Stage.objects.values_list("slug", flat=True)),
        "routes": [(facts.slug, f"{facts.slug}: {' '.join(facts.methods)} {facts.path}") for facts in routes.known()],
        "methods": METHODS,
        "plans": list(UsagePlan.objects.values_list("slug", flat=True)),
        "answered": False,
    }
    if not asked["stage"] or not asked["method"]:
        return found
    place, note = limits.resolve(asked["stage"], asked["route"], asked["method"], asked["plan"] or None)
    return found | {"answered": True, "place": place, "note": note}
