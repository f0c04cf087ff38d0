"""A circuit's page, and what an operator may do there: order, lift, undo, probe."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.core.settings import sentence
from breakers.impact import dependents
from breakers.models import ProbeRun, Transition
from breakers.operations import overrides, probes
from breakers.panels.actions import rows as action_rows
from breakers.panels.board import Board, board_of, kept, target_of
from breakers.panels.previews import AUTOMATIC, choices
from breakers.panels.settings_table import settings_table
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.config import reading
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import NotFound, Problem

from .forms import OrderForm, refuse, seconds

SHOWN = 20


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def circuit(request: HttpRequest, slug: str) -> HttpResponse:
    kept = restored_form(request, reverse("circuit-order", args=[slug]))
    form = OrderForm(kept, may_bind_for_ever=can(request.user, "administer", f"target:{slug}")) if kept else None
    return _page(request, slug, form=form, restored=kept is not None)


@require_POST
@login_required_keeping_form
@require("operate")
def order(request: HttpRequest, slug: str) -> HttpResponse:
    """Give an order or lift one; what cannot be done comes back with the form as it was filled in."""
    form = OrderForm(request.POST, may_bind_for_ever=can(request.user, "administer", f"target:{slug}"))
    if not form.is_valid():
        return _steer(request, slug, form=form, status=400)
    given = form.cleaned_data
    by, expected = principal_of(request), given["expected"] or None
    try:
        if given["state"] == AUTOMATIC:
            overrides.clear(slug, reason=given["reason"], by=by, expected=expected)
        else:
            expires_in_s = seconds(given["expires"] or "900")
            overrides.put(
                slug, state=given["state"], reason=given["reason"], expires_in_s=expires_in_s, by=by, expected=expected
            )
    except Problem as problem:
        refuse(form, problem)
        return _steer(request, slug, form=form, status=problem.status)
    return _done(request, slug)


@require_POST
@login_required_keeping_form
@require("operate")
def undo(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a living order back; protected like the order itself by the revision that was seen."""
    try:
        overrides.undo(slug, expected=request.POST.get("expected") or "none", by=principal_of(request), reason="undone")
    except Problem as problem:
        return _steer(request, slug, refused=problem.detail or problem.title, status=problem.status)
    return _done(request, slug)


@require_POST
@login_required_keeping_form
@require("operate")
def probe(request: HttpRequest, slug: str) -> HttpResponse:
    """Probe now and say what came of it."""
    result: dict[str, Any] = {}
    try:
        result = probes.now(slug, by=principal_of(request))
    except NotFound as problem:
        raise Http404(problem.detail) from None
    except Problem as problem:
        result = {"refused": problem.detail or problem.title}
    if request.headers.get("HX-Request"):
        return render(request, "breakers/probe_result.html", {"result": result})
    if result.get("refused"):
        messages.error(request, f"No probe was made: {result['refused']}")
    else:
        say = messages.success if result["passed"] else messages.error
        status = f" (status {result['status']})" if result["status"] else ""
        verb = "passed" if result["passed"] else "failed"
        say(request, f"The probe {verb}{status} in {result['latency_ms']:.0f} ms: {result['detail']}")
    return redirect("circuit", slug)


def _done(request: HttpRequest, slug: str) -> HttpResponse:
    version = reading.present()[0]
    if request.headers.get("HX-Request"):
        return _steer(request, slug, version=version)
    return redirect(f"{reverse('circuit', args=[slug])}?version={version}#steer")


def _page(request: HttpRequest, slug: str, *, status: int = 200, **more: Any) -> HttpResponse:
    context = _context(request, slug, **more)
    template = "breakers/circuit_live.html" if request.headers.get("HX-Request") else "breakers/circuit.html"
    return render(request, template, context, status=status)


def _steer(request: HttpRequest, slug: str, *, status: int = 200, **more: Any) -> HttpResponse:
    """The part of the page with the buttons: alone for HTMX, else the whole page."""
    if request.headers.get("HX-Request"):
        return render(request, "breakers/steer.html", _context(request, slug, **more), status=status)
    return _page(request, slug, status=status, **more)


def _context(
    request: HttpRequest,
    slug: str,
    *,
    form: OrderForm | None = None,
    version: int | None = None,
    refused: str = "",
    restored: bool = False,
) -> dict[str, Any]:
    board = board_of(request)
    row, target = board.row(slug), target_of(slug)
    if row is None or target is None:
        raise Http404(f"There is no target “{slug}”.")
    subject = f"target:{slug}"
    may_operate = can(request.user, "operate", subject)
    routes = [str(found.title or found.slug) for found in dependents(slug) if found.kind == "route"]
    if form is None:
        form = OrderForm(may_bind_for_ever=can(request.user, "administer", subject))
    seen = str(row.override_revision) if row.order else "none"
    return {
        "board": board,
        "row": row,
        "target": target,
        "journeys": [journey for journey in board.journeys.values() if slug in journey.targets],
        "routes": routes,
        "sentence": sentence(row.settings),
        "settings": settings_table(row.settings),
        "transitions": Transition.objects.filter(target=slug)[:SHOWN],
        "probes": ProbeRun.objects.filter(target=slug)[:SHOWN],
        "may_operate": may_operate,
        "may_configure": can(request.user, "configure", subject),
        "choices": choices(row, routes, kept(slug)) if may_operate else [],
        "form": form,
        "restored": restored,
        "refused": refused,
        # After a refusal the form carries what is true now: pressing again means having read it.
        "seen": form["expected"].value() if restored else seen,
        "confirmation": _confirmation(board, version or _version(request)),
        "audit_subject": subject,
        "actions": action_rows(f"circuit:{slug}"),
    }


def _version(request: HttpRequest) -> int | None:
    given = request.GET.get("version", "")
    return int(given) if given.isdecimal() and len(given) < 12 else None


def _confirmation(board: Board, version: int | None) -> dict[str, Any] | None:
    """How far a change has come; None when there is nothing to confirm."""
    if version is None:
        return None
    applied, alive = board.applied(version)
    return {"version": version, "applied": applied, "alive": alive, "known": board.ok, "done": 0 < alive == applied}
