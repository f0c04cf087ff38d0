"""Journeys: what customers are told, and an operator's word on it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.delays.verdicts import CAUSES
from breakers.hosting import hosted
from breakers.models import DelayPeriod
from breakers.operations import journeys as operations
from breakers.panels.actions import rows as action_rows
from breakers.panels.board import board_of
from breakers.panels.journeys import journey_row, journey_rows
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Problem

from .forms import DelayForm, refuse, seconds

PERIODS = 20


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def journeys(request: HttpRequest) -> HttpResponse:
    board = board_of(request)
    context = {"board": board, "journeys": journey_rows(board, hosted("control").plane.delays)}
    template = "breakers/journeys_live.html" if request.headers.get("HX-Request") else "breakers/journeys.html"
    return render(request, template, context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def journey(request: HttpRequest, slug: str) -> HttpResponse:
    kept = restored_form(request, reverse("journey-delay", args=[slug]))
    return _page(request, slug, form=DelayForm(kept) if kept else None, restored=kept is not None)


@require_POST
@login_required_keeping_form
@require("operate")
def put_delay(request: HttpRequest, slug: str) -> HttpResponse:
    """Raise the flag, or hold it down, by hand."""
    form = DelayForm(request.POST)
    if not form.is_valid():
        return _page(request, slug, form=form, status=400)
    given = form.cleaned_data
    try:
        operations.put_delay(
            slug,
            delayed=given["delayed"],
            message=given["message"],
            severity=given["severity"],
            reason=given["reason"],
            expires_in_s=seconds(given["expires"]),
            by=principal_of(request),
        )
    except Problem as problem:
        refuse(form, problem)
        return _page(request, slug, form=form, status=problem.status)
    said = "is delayed" if given["delayed"] else "is not delayed"
    messages.success(request, f"Front doors now say that it {said}, on your word.")
    return redirect("journey", slug)


@require_POST
@login_required_keeping_form
@require("operate")
def clear_delay(request: HttpRequest, slug: str) -> HttpResponse:
    """Back to automatic."""
    reason = request.POST.get("reason", "").strip() or "back to automatic"
    try:
        operations.clear_delay(slug, reason=reason, by=principal_of(request))
        messages.success(request, "The flag follows the circuits again.")
    except Problem as problem:
        messages.error(request, problem.detail or problem.title)
    return redirect("journey", slug)


def _page(
    request: HttpRequest, slug: str, *, form: DelayForm | None = None, status: int = 200, restored: bool = False
) -> HttpResponse:
    board = board_of(request)
    facts = board.journeys.get(slug)
    if facts is None:
        raise Http404(f"There is no journey “{slug}”.")
    context: dict[str, Any] = {
        "board": board,
        "journey": journey_row(board, facts, hosted("control").plane.delays),
        "periods": [_told(period) for period in DelayPeriod.objects.filter(journey=slug)[:PERIODS]],
        "form": form or DelayForm(initial={"severity": facts.severity}),
        "restored": restored,
        "may_operate": can(request.user, "operate", f"journey:{slug}"),
        "may_configure": can(request.user, "configure", f"journey:{slug}"),
        "snippet": _snippet(request, slug),
        "actions": action_rows(f"journey:{slug}"),
    }
    template = "breakers/journey_live.html" if request.headers.get("HX-Request") else "breakers/journey.html"
    return render(request, template, context, status=status)


def _told(period: DelayPeriod) -> dict[str, Any]:
    return {
        "pk": period.pk,
        "since_ms": to_ms(period.since),
        "took_ms": None if period.until is None else to_ms(period.until) - to_ms(period.since),
        "why": period.detail or CAUSES.get(period.cause, period.cause),
    }


def _snippet(request: HttpRequest, slug: str) -> str:
    host = request.get_host().rpartition(":")[0] or request.get_host()
    front = settings.PUBLIC_FRONTDOOR_URL or f"{request.scheme}://{host}:{settings.FRONTDOOR_PORT}"
    return f'<script src="{front}/-/delay-banner.js?journey={slug}&amp;lang=en" defer></script>'
