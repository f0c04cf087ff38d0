"""Pipes: what waits, how it drains, start and stop with a reason, and dead letters that are taken up again."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.panels.actions import rows as action_rows
from compositions.models import BulkRun, Intent, Pipe
from compositions.models.intents import IntentStatus
from compositions.models.watching import BulkAct
from compositions.operations import bulk, dead_letters
from compositions.operations import pipes as operations
from compositions.panels import pipes as panels
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import NotFound, Problem

SHOWN = 50


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def pipes(request: HttpRequest) -> HttpResponse:
    journey = request.GET.get("journey", "")
    found = Pipe.objects.all()
    if journey:
        found = found.filter(Q(journey=journey) | Q(journey="", slug=journey))
    context = {"rows": panels.rows(found), "journey": journey}
    return render(request, _template(request, "pipes"), context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def pipe(request: HttpRequest, slug: str) -> HttpResponse:
    kept = restored_form(request)
    return _page(request, slug, reason=kept.get("reason", "") if kept else "", restored=kept is not None)


@require_POST
@login_required_keeping_form
@require("operate")
def steer(request: HttpRequest, slug: str) -> HttpResponse:
    """Start or stop it, with a reason."""
    reason, act = request.POST.get("reason", ""), request.POST.get("act")
    operate = operations.stop if act == "stop" else operations.start
    try:
        operate(slug, by=principal_of(request), reason=reason)
    except NotFound:
        raise Http404(f"There is no pipe “{slug}”.") from None
    except Problem as problem:
        return _page(request, slug, reason=reason, refused=_words(problem), status=problem.status)
    said = "It stands still: what comes in waits." if act == "stop" else "It runs again, unless a circuit stops it."
    messages.success(request, said)
    return redirect("pipe", slug)


@require_POST
@login_required_keeping_form
@require("operate")
def redrive(request: HttpRequest, slug: str) -> HttpResponse:
    """First what would be taken up again, then, with a reason, do it."""
    chosen = dead_letters.Chosen(tuple(request.POST.getlist("intent")))
    reason = request.POST.get("reason", "")
    try:
        if request.POST.get("act") != "redrive":
            found = dead_letters.preview(slug, chosen)
            return _page(request, slug, preview=(found, chosen))
        found, order = bulk.redrive(slug, chosen, by=principal_of(request), reason=reason)
    except NotFound:
        raise Http404(f"There is no pipe “{slug}”.") from None
    except Problem as problem:
        return _page(request, slug, refused=_words(problem), status=problem.status)
    if order is not None:
        return redirect("bulk-run", order.pk)
    messages.success(request, f"{found.matching} taken up again.")
    return redirect("pipe", slug)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def intent(request: HttpRequest, id: str) -> HttpResponse:
    """What a customer asked for, what has become of it, and what they are told."""
    found = Intent.objects.filter(pk=id).first()
    if found is None:
        raise Http404(f"There is no intent “{id}”.")
    context = {
        "intent": found,
        "pipe": Pipe.objects.filter(slug=found.pipe).first(),
        "body": panels.shown_body(found),
        "told": panels.told(found),
        "may_operate": can(request.user, "operate", f"pipe:{found.pipe}"),
    }
    return render(request, _template(request, "intent"), context)


def _page(
    request: HttpRequest,
    slug: str,
    *,
    reason: str = "",
    refused: str = "",
    restored: bool = False,
    preview: tuple[dead_letters.Found, dead_letters.Chosen] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = Pipe.objects.filter(slug=slug).first()
    if found is None:
        raise Http404(f"There is no pipe “{slug}”.")
    steps, total = panels.funnel(slug)
    intents = Intent.objects.filter(pipe=slug).defer("body", "headers", "outcome")
    dead = intents.filter(status=IntentStatus.DEAD).order_by("id")
    context: dict[str, Any] = {
        "row": panels.rows([found])[0],
        "pipe": found,
        "steps": steps,
        "total": total,
        "dead": list(dead[:SHOWN]),
        "dead_count": dead.count(),
        "orders": BulkRun.objects.filter(act=BulkAct.TAKE_UP, query=slug, ended_at=None),
        "recent": list(intents.order_by("-id")[:SHOWN]),
        "reason": reason,
        "refused": refused,
        "restored": restored,
        "preview": preview[0] if preview else None,
        "oldest": datetime.fromisoformat(preview[0].first[0]["accepted_at"]) if preview and preview[0].first else None,
        "chosen": preview[1].intents if preview else (),
        "may_operate": can(request.user, "operate", f"pipe:{slug}"),
        "may_configure": can(request.user, "configure", f"pipe:{slug}"),
        "actions": action_rows(f"pipe:{slug}"),
    }
    return render(request, _template(request, "pipe"), context, status=status)


def _template(request: HttpRequest, name: str) -> str:
    return f"compositions/{name}_live.html" if request.headers.get("HX-Request") else f"compositions/{name}.html"


def _words(problem: Problem) -> str:
    return " ".join(found.message for found in problem.problems) or problem.detail or problem.title
