"""Durable executions: the list with filters and views, one execution with its diagram and history, acts on many."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from compositions import texts
from compositions.asl.outline import outline
from compositions.diagrams import draw
from compositions.diagrams.listing import listing
from compositions.diagrams.svg import svg
from compositions.documents.executions import document, events_of
from compositions.finding import filtered
from compositions.models import BulkRun, Composition, CompositionVersion, Execution, Pipe, SavedView, TaskToken
from compositions.models.executions import ExecutionStatus, TaskStatus
from compositions.models.watching import BulkAct
from compositions.operations import bulk, saved_views
from compositions.operations import executions as operations
from compositions.panels import executions as panels
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel import clock
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Problem

SHOWN = 100
EVENTS = STEPS = 500
FIELDS = ("composition", "status", "pipe", "error", "parked_on", "started_after", "started_before", "intent", "parent")
READY_VIEWS = (
    ("Running", "status=RUNNING"),
    ("Failed", "status=FAILED,TIMED_OUT,DEAD,COMPENSATION_FAILED"),
    ("Compensation failed", "status=COMPENSATION_FAILED"),
    ("In part", "status=PARTIAL"),
)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def executions(request: HttpRequest) -> HttpResponse:
    query = _query(request.GET)
    refused = ""
    try:
        rows = list(filtered({**QueryDict(query).dict(), "before": request.GET.get("before")})[: SHOWN + 1])
    except Problem as problem:
        rows, refused = [], " ".join(found.message for found in problem.problems) or problem.detail
    name = request.user.get_username()
    older = {**QueryDict(query).dict(), "before": rows[SHOWN - 1].pk} if len(rows) > SHOWN else None
    context = {
        "rows": rows[:SHOWN],
        "older": urlencode(older) if older else "",
        "wanted": QueryDict(query).dict(),
        "query": query,
        "refused": refused,
        "statuses": ExecutionStatus.values,
        "compositions": Composition.objects.filter(type="STANDARD").values_list("slug", flat=True),
        "pipes": Pipe.objects.values_list("slug", flat=True),
        "ready_views": READY_VIEWS,
        "views": SavedView.objects.filter(shared=True) | SavedView.objects.filter(owner=name),
        "me": name,
        "alarming": Execution.objects.filter(status=ExecutionStatus.COMPENSATION_FAILED).count(),
        "bulk_runs": BulkRun.objects.exclude(act=BulkAct.TAKE_UP)[:3],
        "may_operate": can(request.user, "operate"),
    }
    return render(request, _template(request, "executions"), context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def execution(request: HttpRequest, id: str) -> HttpResponse:
    return _page(request, id)


@require_POST
@login_required_keeping_form
@require("operate")
def steer(request: HttpRequest, id: str) -> HttpResponse:
    """Stop it, or take it up again at the step that failed; both need a reason."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        return _page(request, id, refused="Say why: it is kept in the history and the audit.", status=400)
    operate: Callable[..., Execution] = operations.stop if request.POST.get("act") == "stop" else operations.redrive
    try:
        operate(id, by=principal_of(request), reason=reason)
    except Problem as problem:
        if problem.status == 404:
            raise Http404(problem.detail) from None
        return _page(request, id, refused=problem.detail, reason=reason, status=problem.status)
    messages.success(request, "Done. It shows in the history below.")
    return redirect("execution", id)


@require_POST
@login_required_keeping_form
@require("operate")
def bulk_act(request: HttpRequest) -> HttpResponse:
    """First what an act on all that the filter finds would touch; then, with a reason, order it."""
    act, query = request.POST.get("act", ""), _query(QueryDict(request.POST.get("query", "")))
    reason, refused = request.POST.get("reason", ""), ""
    try:
        if request.POST.get("step") == "order":
            run = bulk.order(act, query, by=principal_of(request), reason=reason)
            return redirect("bulk-run", run.pk)
        chosen = bulk.preview(act, query)
    except Problem as problem:
        if not problem.problems:
            messages.error(request, problem.detail or problem.title)
            return redirect(f"{reverse('executions')}?{query}")
        refused = " ".join(found.message for found in problem.problems)
        try:
            chosen = bulk.preview(act, query)
        except Problem:
            messages.error(request, refused)
            return redirect("executions")
    context = {"act": act, "query": query, "chosen": chosen, "reason": reason, "refused": refused}
    return render(request, "compositions/bulk_preview.html", context, status=400 if refused else 200)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def bulk_run(request: HttpRequest, pk: int) -> HttpResponse:
    run = BulkRun.objects.filter(pk=pk).first()
    if run is None:
        raise Http404("There is no such order.")
    return render(request, _template(request, "bulk_run"), {"run": run, "seen": run.done + run.refused})


@require_POST
@login_required_keeping_form
@require("view")
def keep_view(request: HttpRequest) -> HttpResponse:
    """Keep the present filter under a name, or drop one that was kept."""
    owner, query = request.user.get_username(), _query(QueryDict(request.POST.get("query", "")))
    try:
        if dropped := request.POST.get("drop", ""):
            saved_views.drop(int(dropped) if dropped.isdecimal() else 0, owner=owner)
        else:
            shared = request.POST.get("shared") == "on" and can(request.user, "operate")
            saved_views.keep(request.POST.get("name", ""), query, owner=owner, shared=shared)
    except Problem as problem:
        messages.error(request, problem.detail or problem.title)
    back = f"{reverse('executions')}?{query}"
    allowed = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if allowed else "executions")


def _page(request: HttpRequest, id: str, *, refused: str = "", reason: str = "", status: int = 200) -> HttpResponse:
    row = Execution.objects.filter(pk=id).first()
    if row is None:
        raise Http404(f"There is no execution “{id}”.")
    events = events_of(row)
    steps = panels.steps(events, clock.now_ms())
    version = CompositionVersion.objects.filter(composition=row.composition, number=row.version).first()
    diagram = draw(outline(texts.read(version.definition)), panels.overlay(steps)) if version else None
    told = document(row)
    shown = panels.event_lines(events[-EVENTS:])
    listed = steps[-STEPS:]
    first_step = {step.place: step.number for step in reversed(listed)}
    context: dict[str, Any] = {
        "row": row,
        "told": told,
        "input": panels.pretty(told["input"]),
        "output": panels.pretty(told["output"]) if row.output else "",
        "steps": listed,
        "steps_left_out": len(steps) - len(listed),
        "chart_height": 22 * len(listed) + 4,
        "bars": [(step, 22 * index + 4) for index, step in enumerate(listed)],
        "drawing": ""
        if diagram is None
        else svg(
            diagram,
            name="execution",
            title=f"{row.composition}, version {row.version}",
            link=lambda path: f"#step-{first_step[path]}" if path in first_step else "#steps",
        ),
        "listing": [] if diagram is None else listing(diagram),
        "events": shown,
        "events_left_out": len(events) - len(shown),
        "tokens": TaskToken.objects.filter(execution=id, status=TaskStatus.WAITING),
        "children": Execution.objects.filter(parent=id)[:SHOWN],
        "running": row.status == ExecutionStatus.RUNNING,
        "redrivable": row.status in operations.REDRIVEN,
        "refused": refused,
        "reason": reason,
        "may_operate": can(request.user, "operate", f"execution:{id}"),
    }
    return render(request, _template(request, "execution"), context, status=status)


def _query(given: QueryDict) -> str:
    """The filter's own fields, without what is empty, as the address has them."""
    kept = {name: ",".join(given.getlist(name)) if name == "status" else given.get(name, "") for name in FIELDS}
    return urlencode({name: value for name, value in kept.items() if value})


def _template(request: HttpRequest, name: str) -> str:
    return f"compositions/{name}_live.html" if request.headers.get("HX-Request") else f"compositions/{name}.html"
