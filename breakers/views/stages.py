"""Stages: the entrances to the front door, and the form of one."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from breakers import routes
from breakers.core import sentences
from breakers.documents import stages as documents
from breakers.documents.stages import StageShape
from breakers.models import Stage
from breakers.operations import stages as operations
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import can, require

from . import changing, exporting, previewing
from .limit_forms import StageForm

NOUN = changing.Noun(
    "stage",
    "stage",
    StageForm,
    StageShape,
    documents,
    operations,
    sentences.stage,
    previewing.stage,
    operations.used_by,
    "Requests to its hosts and path enter by another stage that takes them, or find nothing.",
)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def stages(request: HttpRequest) -> HttpResponse:
    entering = [facts.stages for facts in routes.known() if facts.enabled]
    rows = [
        {
            "stage": stage,
            "sentence": sentences.stage(documents.document(stage)),
            "routes": sum(stage.slug in found for found in entering),
        }
        for stage in _found(request).annotate(number_of_plans=Count("plans"))
    ]
    context: dict[str, Any] = {
        "rows": rows,
        "q": request.GET.get("q", ""),
        "may_configure": can(request.user, "configure", "stage:"),
    }
    return render(request, "breakers/stages.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    names = ("slug", *documents.PLAIN)
    rows = ([documents.document(row)[name] for name in names] for row in _found(request))
    return exporting.table("stages", names, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("view")
def stage(request: HttpRequest, slug: str) -> HttpResponse:
    """What the stage says, and its form for those who may change it."""
    return changing.change(request, NOUN, slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    return changing.change(request, NOUN, None)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.delete(request, NOUN, slug)


def _found(request: HttpRequest) -> QuerySet[Stage]:
    q = request.GET.get("q", "").strip()
    wanted = Q(slug__icontains=q) | Q(title__icontains=q) | Q(hosts__icontains=q) | Q(base_path__icontains=q)
    return Stage.objects.filter(wanted) if q else Stage.objects.all()
