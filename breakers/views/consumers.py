"""Consumers: their list, a consumer's page with keys and use, and changing and deleting one."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from breakers import usage
from breakers.documents.consumers import document
from breakers.documents.keys import state
from breakers.models import Consumer, UsagePlan
from breakers.operations import consumers as operations
from breakers.operations import keys
from breakers.panels.consumers import ConsumerSearch, places_of, plans_of, rows, use_of
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.kernel import clock
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import NotFound, Problem

from . import exporting
from .key_forms import ConfirmedForm, ConsumerForm, show

A_PAGE = 50
KEYS_SHOWN = 100


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def consumers(request: HttpRequest) -> HttpResponse:
    search = _search(request)
    page = Paginator(search.found(), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": rows(list(page.object_list)),
        "page": page,
        "wanted": search._asdict(),
        "filtered": any(search),
        "query": _query(request),
        "plans": UsagePlan.objects.all(),
        "may_configure": can(request.user, "configure", "consumer:"),
    }
    return render(request, "breakers/consumers.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest) -> HttpResponse:
    head = ("slug", "title", "contact", "tags", "working_keys", "last_used_at")
    found = _search(request).found()
    table = ([*document(row).values(), row.key_count, rfc3339(row.last_used_at)] for row in found)  # type: ignore[attr-defined]
    return exporting.table("consumers", head, table)


@require_safe
@login_required_keeping_form
@require("view")
def export_usage(request: HttpRequest) -> HttpResponse:
    """Use of every quota in its present period, one line for each consumer and plan."""
    head = ("consumer", "plan", "period", "starts_at", "resets_at", "limit", "extra", "used", "left", "forecast_end")
    return exporting.table("usage", head, _used(_search(request)))


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def consumer(request: HttpRequest, slug: str) -> HttpResponse:
    kept = restored_form(request, reverse("consumer-change", args=[slug]))
    return _page(request, slug, form=ConsumerForm(kept) if kept else None, restored=kept is not None)


@require_POST
@login_required_keeping_form
@require("configure")
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Title, contact and tags."""
    form = ConsumerForm(request.POST)
    if not form.is_valid():
        return _page(request, slug, form=form, status=400)
    try:
        operations.put(_find(slug).slug, form.to_document(), by=principal_of(request))
    except Problem as problem:
        show(form, problem)
        return _page(request, slug, form=form, status=problem.status)
    messages.success(request, "Saved.")
    return redirect("consumer", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("configure")
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """What keeps the consumer, or a button that asks why."""
    row = _find(slug)
    kept = restored_form(request) if request.method != "POST" else None
    form = ConfirmedForm(request.POST if request.method == "POST" else kept)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                operations.delete(slug, by=principal_of(request), reason=form.cleaned_data["reason"])
            except Problem as problem:
                show(form, problem)
                status = problem.status
            else:
                messages.success(request, f"Consumer {slug} is deleted. What it used stays in the counts.")
                return redirect("consumers")
    context = {"consumer": row, "keys": _keys(row), "form": form, "shown": request.method == "POST"}
    return render(request, "breakers/consumer_delete.html", context, status=status)


def _page(
    request: HttpRequest, slug: str, *, form: ConsumerForm | None = None, restored: bool = False, status: int = 200
) -> HttpResponse:
    row = _find(slug)
    plans = plans_of(row)
    context: dict[str, Any] = {"consumer": row, "use": use_of(row, plans)}
    if request.headers.get("HX-Request"):
        return render(request, "breakers/use_live.html", context)
    context |= {
        "keys": _keys(row),
        "more_keys": max(0, row.keys.count() - KEYS_SHOWN),
        "plans": plans,
        **places_of(plans),
        "form": form or ConsumerForm(initial=document(row)),
        "restored": restored,
        "refused": form is not None and not restored,
        "may_configure": can(request.user, "configure", f"consumer:{slug}"),
    }
    return render(request, "breakers/consumer.html", context, status=status)


def _keys(row: Consumer) -> list[tuple[Any, str]]:
    now = clock.now()
    found = keys.rows().filter(consumer=row).order_by("-created_at")[:KEYS_SHOWN]
    return [(key, state(key, now).value) for key in found]


def _find(slug: str) -> Consumer:
    try:
        return operations.find(slug)
    except NotFound as problem:
        raise Http404(problem.detail) from None


def _search(request: HttpRequest) -> ConsumerSearch:
    return ConsumerSearch(**{name: request.GET.get(name, "").strip()[:200] for name in ConsumerSearch._fields})


def _query(request: HttpRequest) -> str:
    words = request.GET.copy()
    words.pop("page", None)
    return words.urlencode()


def _used(search: ConsumerSearch) -> Iterator[list[Any]]:
    found = list(search.found().values_list("slug", flat=True))
    for plan in UsagePlan.objects.exclude(quota_limit=None):
        held = set(plan.keys.values_list("consumer__slug", flat=True))
        for use in usage.quotas_of(plan, [slug for slug in found if slug in held]):
            times = [rfc3339(use.starts_at), rfc3339(use.resets_at)]
            figures = [use.limit, use.extra, use.used, use.left]
            yield [use.consumer, use.plan, use.period, *times, *figures, rfc3339(use.ends_at)]
