"""Compositions: their list, a composition's page with its diagram and its targets as they are now, and export."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from breakers.panels.board import board_of
from compositions import neighbours, sentences, texts
from compositions.asl.values import Json
from compositions.models import Composition, CompositionRun, CompositionVersion, Execution
from compositions.models.compositions import WorkflowType
from compositions.operations import compositions as operations
from compositions.panels import compositions as panels
from compositions.panels import translations
from compositions.panels.checked import as_json
from compositions.panels.pictures import picture
from compositions.reach import Reach
from compositions.runs import reading
from compositions.starts import STARTS
from compositions.walking import steps
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import can, require
from controlplane.kernel.errors import NotFound

VERSIONS, RUNS = 10, 12


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def compositions(request: HttpRequest) -> HttpResponse:
    wanted = {name: request.GET.get(name, "").strip() for name in ("q", "type", "tag")}
    found = [row for row in Composition.objects.all() if _fits(row, wanted)]
    context = {
        "rows": panels.listed(found, board_of(request)),
        "any": bool(found) or Composition.objects.exists(),
        "wanted": wanted,
        "starts": [(name, start.words) for name, start in STARTS.items()],
        "may_configure": can(request.user, "configure", "composition:"),
    }
    return render(request, "compositions/compositions.html", context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def composition(request: HttpRequest, slug: str) -> HttpResponse:
    """`?state=` names the state whose text is shown beside the diagram."""
    row = found(slug)
    around = neighbours.around()
    reach = panels.reach_of(row, around)
    if request.headers.get("HX-Request"):
        return render(request, "compositions/composition_live.html", _live(request, row, reach))
    definition = texts.read(row.definition)
    state = request.GET.get("state", "")
    here = reverse("composition", args=[slug])
    context = {
        **_live(request, row, reach),
        "sentence": sentences.composition(row.type, row.version, reach),
        "findings": panels.findings(row, around),
        "picture": picture(
            definition,
            title=f"Diagram of {row}",
            link=lambda path: f"{here}?{urlencode({'state': path})}#state",
            selected=state,
        ),
        "state": _state(definition, state),
        "used_by": panels.users(slug),
        "inner": sorted(reach.compositions),
        "versions": CompositionVersion.objects.filter(composition=slug)[:VERSIONS],
        "older": max(0, CompositionVersion.objects.filter(composition=slug).count() - VERSIONS),
        "translates": translations.translates(definition),
        "may_configure": can(request.user, "configure", f"composition:{slug}"),
        "may_operate": can(request.user, "operate", f"composition:{slug}"),
    }
    return render(request, "compositions/composition.html", context)


@require_safe
@login_required_keeping_form
@require("view")
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The definition as its author wrote it; `?version=` for an earlier one."""
    row: Any = found(slug)
    number = request.GET.get("version", "")
    if number:
        row = CompositionVersion.objects.filter(
            composition=slug, number=int(number) if number.isdecimal() else 0
        ).first()
        if row is None:
            raise Http404(f"There is no version {number} of composition “{slug}”.")
    name = f"{slug}-{row.number}" if number else slug
    answer = HttpResponse(row.definition, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.asl.json"'
    return answer


def found(slug: str) -> Composition:
    try:
        return operations.find(slug)
    except NotFound as problem:
        raise Http404(problem.detail) from None


def _live(request: HttpRequest, row: Composition, reach: Reach) -> dict[str, Any]:
    """What changes by itself while one looks."""
    board = board_of(request)
    live = {"composition": row, "board": board, "targets": panels.reached(reach, board)}
    if row.type == WorkflowType.STANDARD:
        return live | {"executions": Execution.objects.filter(composition=row.slug).order_by("-pk")[:RUNS]}
    return live | {
        "figures": reading.lately([row.slug]).get(row.slug),
        "runs": CompositionRun.objects.filter(composition=row.slug)[:RUNS],
    }


def _state(definition: Json, path: str) -> dict[str, str] | None:
    """The text of the state at a place as diagrams write it; None when there is none."""
    step = next((step for step in steps(definition) if step.path == path), None) if path else None
    return None if step is None else {"name": step.name, "path": path, "text": as_json(step.raw)}


def _fits(row: Composition, wanted: dict[str, str]) -> bool:
    text = f"{row.slug} {row.title} {row.description} {' '.join(row.tags)}".lower()
    return (
        all(word in text for word in wanted["q"].lower().split())
        and wanted["type"] in ("", row.type)
        and (not wanted["tag"] or wanted["tag"] in row.tags)
    )
