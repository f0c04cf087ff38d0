"""Runs of a composition: how long they took and how whole they were over time, and the story of one."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from breakers.panels.board import board_of
from compositions import texts
from compositions.models import CompositionRun, CompositionVersion
from compositions.models.runs import Why
from compositions.panels import runs as panels
from compositions.panels.pictures import picture
from compositions.runs import reading
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import require

from .compositions import found

SHOWN = 200
SPANS = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(hours=24)}


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    """`?why=` shows one kind, `?span=` another stretch of time."""
    row = found(slug)
    why, span = request.GET.get("why", ""), request.GET.get("span", "1h")
    span = span if span in SPANS else "1h"
    rows = reading.kept(slug, why if why in Why.values else "")
    context = {
        "composition": row,
        "rows": rows[:SHOWN],
        "kinds": [(value, label.split(":")[0]) for value, label in Why.choices],
        "why": why,
        "span": span,
        "spans": list(SPANS),
        "figures": reading.lately([slug], SPANS[span]).get(slug),
        "charts": panels.charts(reading.minutes(slug, SPANS[span])),
    }
    return render(request, "compositions/runs.html", context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def run(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What it called, and what became of each call; the way it took as far as its calls tell it."""
    row = CompositionRun.objects.filter(composition=slug, pk=pk).first()
    if row is None:
        raise Http404("There is no such run any more; runs are kept for days.")
    version = CompositionVersion.objects.filter(composition=slug, number=row.version).first()
    board = board_of(request)
    context: dict[str, Any] = {
        "slug": slug,
        "run": row,
        "calls": [(call, board.row(call["target"])) for call in row.calls],
        "picture": None,
    }
    if version is not None:
        here = reverse("composition-run", args=[slug, pk])
        definition = texts.read(version.definition)
        seen = panels.seen(row.calls, succeeded=row.status == "SUCCEEDED")
        context["picture"] = picture(
            definition, title=f"Calls of the run of {row.at:%H:%M:%S}", link=lambda path: f"{here}#calls", seen=seen
        )
    return render(request, "compositions/run.html", context)
