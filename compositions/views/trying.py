"""Trying a composition: with an input, and with any target looking as it is, open, slow, stale or failing."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from breakers.panels.board import board_of
from breakers.views import changing
from breakers.views.limit_forms import as_hidden
from compositions import neighbours, texts, trying
from compositions.models import Composition, Route
from compositions.operations import runs as operations
from compositions.panels import compositions as panels
from compositions.panels import trials
from compositions.panels.checked import as_json
from compositions.panels.pictures import picture
from compositions.panels.translations import translates
from compositions.reach import reach as reaching
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.audit.chain import record
from controlplane.kernel.access import principal_of, require
from controlplane.kernel.errors import FieldProblem, Invalid, Problem

from .authoring import NOUN
from .composition_forms import CompositionForm
from .compositions import found

STARTED = 202  # an execution that goes on by itself
FORCED = "forced-"  # what the fields of the form begin with
KEPT = "tried"
MOST_KEPT = 32_768  # characters of an input that the session keeps
COMPOSITIONS_KEPT = 5


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("operate")
def try_it(request: HttpRequest, slug: str) -> HttpResponse:
    """Real calls, made by this process through the same guard; no circuit hears of what is forced.

    A STANDARD composition is started, and its execution's page follows it.
    """
    row = found(slug)
    asked = _asked(request, row)
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            value = parsed(asked["input"])
            forced = {target: how for target, how in asked["forced"].items() if how}
            began, ran = operations.start(
                slug, value, by=principal_of(request), reason="tried in the browser", forced=forced
            )
            _keep(request, slug, asked)
            if began == STARTED:
                return redirect("execution", ran["execution"])
            context = _result(row, ran)
        except Problem as problem:
            status, context = problem.status, {"refused": said(problem)}
    board = board_of(request)
    reach = panels.reach_of(row)
    context |= {
        "composition": row,
        "asked": asked,
        "targets": panels.reached(reach, board),
        "choices": list(trials.FORCED.items()),
        "translates": translates(texts.read(row.definition)),
    }
    return render(request, "compositions/try.html", context, status=status)


@require_POST
@never_cache
@login_required_keeping_form
@require("configure")
def try_draft(request: HttpRequest) -> HttpResponse:
    """What is in the form of a composition, before it is saved; the form's fields travel along."""
    saved = request.POST.get("composition", "")
    form = CompositionForm(request.POST, new=not saved)
    if not form.is_valid() or form.checked().errors:
        return changing.change(request, NOUN, saved or None)  # the form, with what is to be mended
    slug, draft = saved or form.cleaned_data["slug"], form.to_document()
    row = Composition(slug=slug, title=draft["title"], type=draft["type"], definition=draft["definition"])
    asked = _asked(request, row)
    if "input" not in request.POST:
        asked = request.session.get(KEPT, {}).get(slug) or {"input": as_json(_example(slug)), "forced": {}}
    context: dict[str, Any] = {}
    status = 200
    if draft["type"] != "EXPRESS":
        context = {"refused": "Only an EXPRESS composition can be tried before it is saved; this one is STANDARD."}
    elif request.POST.get("act") == "run":
        try:
            value = parsed(asked["input"])
            forced = {target: how for target, how in asked["forced"].items() if how}
            ran = operations.try_draft(
                slug, draft, value, by=principal_of(request), reason="tried before it was saved", forced=forced
            )
            _keep(request, slug, asked)
            context = _result(row, ran)
        except Problem as problem:
            status, context = problem.status, {"refused": said(problem)}
    reach = reaching(texts.read(draft["definition"]), neighbours.around())
    context |= {
        "composition": row,
        "draft": True,
        "saved": saved,
        "hidden": [each for each in as_hidden(request.POST) if each[0] != "input" and not each[0].startswith(FORCED)],
        "asked": asked,
        "targets": panels.reached(reach, board_of(request)),
        "choices": list(trials.FORCED.items()),
    }
    return render(request, "compositions/try.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("operate")
def translate(request: HttpRequest, slug: str) -> HttpResponse:
    """An old payload, what the new service is sent for it and answers, and what the old client reads. A real call."""
    row = found(slug)
    if row.type != "EXPRESS" or not translates(texts.read(row.definition)):
        return redirect("composition", slug)
    posted = request.POST if request.method == "POST" else restored_form(request)
    payload = str(posted.get("payload", "")).replace("\r\n", "\n") if posted is not None else ""
    context: dict[str, Any] = {"composition": row, "payload": payload}
    status = 200
    if request.method == "POST":
        try:
            value = parsed(payload)
            context["sides"] = trying.translate(slug, value)
            record(
                action="composition.run",
                subject=f"composition:{slug}",
                by=principal_of(request),
                after={"status": context["sides"].status, "ms": round(context["sides"].ms)},
                reason="a payload was translated in the browser",
            )
        except Problem as problem:
            status, context["refused"] = problem.status, said(problem)
    return render(request, "compositions/translate.html", context, status=status)


def parsed(text: str) -> Any:
    """JSON that somebody typed. Raises Invalid with the place."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        words = f"This is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
    except RecursionError:
        words = "This is nested too deeply."
    raise Invalid("The input cannot be read.", problems=[FieldProblem("input", "invalid", words)])


def said(problem: Problem) -> str:
    return " ".join([problem.detail or problem.title, *(each.message for each in problem.problems)])


def _asked(request: HttpRequest, row: Composition) -> dict[str, Any]:
    """What is in the form: what was posted, or the last that was tried, or what a route would give it."""
    posted = request.POST if request.method == "POST" else restored_form(request)
    if posted is not None:
        forced = {name.removeprefix(FORCED): value for name, value in posted.items() if name.startswith(FORCED)}
        return {"input": str(posted.get("input", "")).replace("\r\n", "\n"), "forced": forced}
    kept = request.session.get(KEPT, {}).get(row.slug)
    return kept or {"input": as_json(_example(row.slug)), "forced": {}}


def _example(slug: str) -> Any:
    """As a request of its first route would look."""
    route = Route.objects.filter(composition__slug=slug).first()
    if route is None:
        return {}
    names = [part.strip("{}+") for part in route.path.split("/") if part.startswith("{")]
    parameters = dict.fromkeys(names, "1")
    path = "/".join("1" if part.startswith("{") else part for part in route.path.split("/"))
    return {
        "method": route.methods[0],
        "path": path,
        "path_parameters": parameters,
        "query": {},
        "headers": {},
        "body": None,
    }


def _keep(request: HttpRequest, slug: str, asked: dict[str, Any]) -> None:
    """For the next time; of the last few compositions."""
    if len(asked["input"]) > MOST_KEPT:
        return
    kept = {name: value for name, value in request.session.get(KEPT, {}).items() if name != slug}
    request.session[KEPT] = dict([*list(kept.items())[-COMPOSITIONS_KEPT + 1 :], (slug, asked)])


def _result(row: Composition, ran: dict[str, Any]) -> dict[str, Any]:
    trial = trials.trial(ran["trace"])
    return {
        "ran": ran,
        "output": as_json(ran.get("output")) if ran["status"] == "SUCCEEDED" else "",
        "trial": trial,
        "picture": picture(
            texts.read(row.definition),
            title=f"The way that the run of {row} took",
            link=lambda path: trial.first.get(path, "#visits"),
            seen=trial.seen,
            taken=trial.taken,
        ),
    }
