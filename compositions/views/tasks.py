"""The inbox: steps of sagas that wait for a person, who takes one, does it, and says what came of it."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from compositions.models import Execution, TaskToken
from compositions.models.executions import ExecutionStatus, TaskStatus
from compositions.operations import tasks as operations
from controlplane.access.forms import login_required_keeping_form, restored_form
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import NotFound, Problem

from .task_forms import TaskForm

SHOWN = 100
DONE_DAYS = 30
FILTERS = {"waiting": "Waiting", "mine": "Mine", "free": "Nobody's", "late": "Late", "done": "Done"}


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def inbox(request: HttpRequest) -> HttpResponse:
    shown = request.GET.get("show", "waiting")
    if shown not in FILTERS:
        shown = "waiting"
    name, now = request.user.get_username(), timezone.now()
    rows = list(_narrowed(shown, name)[: SHOWN + 1])
    context = {
        "rows": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "filters": [(key, title, key == shown) for key, title in FILTERS.items()],
        "counts": _manual()
        .filter(status=TaskStatus.WAITING)
        .aggregate(
            waiting=Count("pk"),
            mine=Count("pk", filter=Q(assignee=name)),
            free=Count("pk", filter=Q(assignee="")),
            late=Count("pk", filter=Q(due_at__lt=now)),
        ),
        # What could not be undone needs a person as well, and more than anything else.
        "not_undone": list(Execution.objects.filter(status=ExecutionStatus.COMPENSATION_FAILED)[:SHOWN]),
        "shown": shown,
        "now": now,
        "may_operate": can(request.user, "operate"),
    }
    template = "compositions/tasks_live.html" if request.headers.get("HX-Request") else "compositions/tasks.html"
    return render(request, template, context)


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def task(request: HttpRequest, token: str) -> HttpResponse:
    row = _found(token)
    kept = restored_form(request, reverse("task-end", args=[token]))
    form = TaskForm(kept or None, schema=_schema(row))
    return _page(request, row, form=form, restored=kept is not None)


@require_POST
@login_required_keeping_form
@require("operate")
def assign(request: HttpRequest, token: str) -> HttpResponse:
    """Take it, or give it back."""
    row = _found(token)
    name = request.user.get_username()
    assignee = name if request.POST.get("act") == "take" else ""
    try:
        operations.assign(token, assignee, by=principal_of(request), expected=request.POST.get("expected", ""))
        messages.success(request, "It is yours now." if assignee else "It is anybody's again.")
    except Problem as problem:
        messages.error(request, problem.detail or problem.title)
    return redirect("task", row.token)


@require_POST
@login_required_keeping_form
@require("operate")
def end(request: HttpRequest, token: str) -> HttpResponse:
    """Succeed with what the form says, or fail with a reason. A second result is refused and told so."""
    row = _found(token)
    posted, by = request.POST, principal_of(request)
    form = TaskForm(posted, schema=_schema(row))
    try:
        if posted.get("act") == "fail":
            why = posted.get("reason", "").strip()
            if not why:
                return _page(request, row, form=form, refused="Say why it failed: the saga and the audit keep it.")
            operations.fail_task(token, posted.get("error", "").strip() or "Task.Refused", why, by=by, reason=why)
            messages.success(request, "The step has failed with your reason; its saga goes on from there.")
            return redirect("tasks")
        if not form.is_valid():
            return _page(request, row, form=form, status=400)
        operations.complete_task(token, form.output(), by=by, reason=posted.get("reason", "").strip())
    except Problem as problem:
        if problem.status == 409:
            return _page(request, _found(token), form=form, refused=problem.detail, status=409)
        form.refuse(problem)
        return _page(request, row, form=form, status=problem.status)
    messages.success(request, "Done. The saga goes on with your result.")
    return redirect("tasks")


def _page(
    request: HttpRequest, row: TaskToken, *, form: TaskForm, refused: str = "", restored: bool = False, status: int = 0
) -> HttpResponse:
    context = {
        "task": row,
        "details": _details(row),
        "form": form,
        "refused": refused,
        "restored": restored,
        "waits": row.status == TaskStatus.WAITING,
        "mine": row.assignee == request.user.get_username(),
        "may_operate": can(request.user, "operate", operations.subject_of(row)),
        "subject": operations.subject_of(row),
        "now": timezone.now(),
        "output": json.dumps(json.loads(row.output), indent=2, ensure_ascii=False) if row.output else "",
    }
    return render(request, "compositions/task.html", context, status=status or (400 if refused else 200))


def _manual() -> QuerySet[TaskToken]:
    return TaskToken.objects.filter(manual=True)


def _narrowed(shown: str, name: str) -> QuerySet[TaskToken]:
    if shown == "done":
        since = timezone.now() - timedelta(days=DONE_DAYS)
        return _manual().exclude(status=TaskStatus.WAITING).filter(ended_at__gt=since).order_by("-ended_at")
    # What is due first stands first; what has no time comes after, the oldest first.
    waiting = _manual().filter(status=TaskStatus.WAITING).order_by(F("due_at").asc(nulls_last=True), "created_at")
    narrow = {"mine": Q(assignee=name), "free": Q(assignee=""), "late": Q(due_at__lt=timezone.now())}
    return waiting.filter(narrow.get(shown, Q()))


def _found(token: str) -> TaskToken:
    try:
        return operations.find(token)
    except NotFound as missing:
        raise Http404(missing.detail) from None


def _schema(row: TaskToken) -> dict[str, Any] | None:
    schema = json.loads(row.form) if row.form else None
    return schema if isinstance(schema, dict) else None


def _details(row: TaskToken) -> list[tuple[str, str]]:
    """What the step was given, a line each. The token is for machines."""
    given = json.loads(row.details) if row.details else {}
    if not isinstance(given, dict):
        return [("given", json.dumps(given, indent=2, ensure_ascii=False))]
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2))
        for name, value in given.items()
        if "token" not in name.lower()
    ]
