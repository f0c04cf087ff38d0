"""Usage plans: their list, a plan's page with its use, and changing, cloning and deleting one."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from breakers import capacity
from breakers.core import sentences
from breakers.documents import plans as documents
from breakers.documents.plans import UsagePlanShape
from breakers.models import Stage, UsagePlan
from breakers.operations import plans as operations
from breakers.panels import limits
from breakers.panels.findings import shown
from breakers.panels.plans import plan_rows, plan_use
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import can, require
from controlplane.kernel.errors import NotFound

from . import changing, exporting, previewing
from .limit_forms import PlanForm, free_slug

NOUN = changing.Noun(
    "plan",
    "plan",
    PlanForm,
    UsagePlanShape,
    documents,
    operations,
    sentences.plan,
    previewing.plan,
    previewing.keys_of_plan,
    "What consumers used under it stays in the counts.",
)
SHOWN = 200


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def plans(request: HttpRequest) -> HttpResponse:
    rows = plan_rows(request.GET.get("q", ""), request.GET.get("stage", ""), request.GET.get("mode", ""))
    context = {
        "rows": rows[:SHOWN],
        "more": max(0, len(rows) - SHOWN),
        "wanted": {name: request.GET.get(name, "") for name in ("q", "stage", "mode")},
        "query": request.GET.urlencode(),
        "stages": list(Stage.objects.values_list("slug", flat=True)),
        "may_configure": can(request.user, "configure", "plan:"),
    }
    return render(request, "breakers/plans.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, with use, for a spreadsheet."""
    rows = plan_rows(request.GET.get("q", ""), request.GET.get("stage", ""), request.GET.get("mode", ""))
    head = (
        "slug",
        "title",
        "mode",
        "stages",
        "rate_per_s",
        "burst",
        "quota",
        "quota_period",
        "quota_time_zone",
        "overrides",
        "consumers",
        "keys",
        "last_hour_let_through",
        "last_hour_refused",
    )
    return exporting.table("plans", head, (_exported(row) for row in rows))


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def plan(request: HttpRequest, slug: str) -> HttpResponse:
    row = _find(slug)
    document = documents.document(row)
    context: dict[str, Any] = {
        "plan": row,
        "document": document,
        "use": plan_use(row, request.GET.get("consumer", ""), request.GET.get("q", "")),
    }
    if request.headers.get("HX-Request"):
        return render(request, "breakers/plan_live.html", context)
    places, open_routes = limits.of_plan(slug, document["stages"])
    context |= {
        "sentence": sentences.plan(document),
        "places": places,
        "open_routes": open_routes,
        "findings": shown(found for found in capacity.findings() if found.touches("plan", slug)),
        "may_configure": can(request.user, "configure", f"plan:{slug}"),
    }
    return render(request, "breakers/plan.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.change(request, NOUN, slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def new(request: HttpRequest) -> HttpResponse:
    """An empty plan, or a copy of the plan `from`, without its keys."""
    begin: dict[str, Any] = {"stages": ["main"], "mode": "enforce", "on_store_error": "local"}
    if source := request.GET.get("from"):
        document = NOUN.present(source)
        taken = set(UsagePlan.objects.values_list("slug", flat=True))
        title = f"{document['title']} (copy)" if document["title"] else ""
        begin = {**document, "slug": free_slug(source, taken), "title": title}
    return changing.change(request, NOUN, None, like=begin)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    return changing.delete(request, NOUN, slug)


def _find(slug: str) -> UsagePlan:
    try:
        return operations.find(slug)
    except NotFound as problem:
        raise Http404(problem.detail) from None


def _exported(row: Any) -> list[Any]:
    document = row.document
    quota = document["quota"] or {}
    return [
        *(document[name] for name in ("slug", "title", "mode", "stages", "rate", "burst")),
        *(quota.get(name) for name in ("limit", "period", "time_zone")),
        len(document["overrides"]),
        row.consumers,
        row.keys,
        row.passed,
        row.refused,
    ]
