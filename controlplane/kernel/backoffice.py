"""Every page of the back office: permitted by act, recorded in the audit alone, a reason asked for bulk acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from controlplane.kernel.access import Principal, can, principal_of
from controlplane.kernel.errors import Problem

LONGEST_REASON = 500
CODE = re.compile(r"`([^`]+)`")


def _recorded_by_the_operation(*_: Any) -> None:
    """In place of Django's log of what its own pages did."""


def _history(self: Any, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseBase:
    """In place of Django's page of that log: what the audit has about the row."""
    obj = self.get_object(request, object_id)
    subject = self.subject(obj) if obj is not None else ""
    return redirect(f"/audit/?{urlencode({'subject': subject})}" if subject else "/audit/")


class ByAct:
    """Mixin for a ModelAdmin, named first: looking needs `view`; adding, changing and deleting need `writing`."""

    looking: ClassVar[str] = "view"
    writing: ClassVar[str] = "configure"

    def has_module_permission(self, request: Any) -> bool:
        return can(request.user, self.looking)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, self.looking, obj)

    def has_add_permission(self, request: Any, *_: Any) -> bool:
        return can(request.user, self.writing)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, self.writing, obj)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, self.writing, obj)

    def subject(self, obj: Any) -> str:
        """What the audit calls this row, such as `target:catalog`; empty when it keeps nothing about it."""
        return ""

    # The audit is the record; a second one, which misses what REST and workers do, would only contradict it.
    log_addition: Any = _recorded_by_the_operation
    log_change: Any = _recorded_by_the_operation
    log_deletions: Any = _recorded_by_the_operation
    history_view: Any = _history

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None:
            field.help_text = with_code(field.help_text)
        return field


class ReadOnly(ByAct):
    """Rows that the back office shows and never changes."""

    def has_add_permission(self, request: Any, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class Administered(ByAct):
    """Rows about people and their secrets: only who administers may see them."""

    looking = writing = "administer"


def with_code(text: Any) -> SafeString:
    """Help text with `words` as code."""
    html = text if isinstance(text, SafeString) else escape(str(text or ""))
    return mark_safe(CODE.sub(r"<code>\1</code>", html))


def reason_in(request: HttpRequest) -> str:
    """The reason that was given, beside the action or beside Save."""
    given = (text.strip() for text in request.POST.getlist("reason"))
    return next((text for text in given if text), "")[:LONGEST_REASON]


def said(problem: Problem) -> str:
    """A problem in its own words, on one line."""
    return " ".join([problem.detail or problem.title, *(each.message for each in problem.problems)])


class Refused(Exception):
    """Some rows of a bulk act were refused, so none was changed: (row, its problem in words) each."""

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{row}: {why}" for row, why in rows))
        self.rows = rows

    def tell(self, request: HttpRequest) -> None:
        messages.error(request, "Nothing was changed, because not all of it can be.")
        for row, why in self.rows:
            messages.error(request, f"{row}: {why}")


def all_or_none(rows: Any, act: Callable[[Any], Any]) -> int:
    """Do `act` to each row in one transaction. Raises Refused, with nothing changed, when any of them is refused."""
    refused: list[tuple[str, str]] = []
    done = 0
    with transaction.atomic():
        for row in rows:
            name = str(row)
            try:
                with transaction.atomic():
                    act(row)
                done += 1
            except Problem as problem:
                refused.append((name, said(problem)))
        if refused:
            transaction.set_rollback(True)
    if refused:
        raise Refused(refused)
    return done


RowAct = Callable[[Any, Any, Principal, str], Any]


def each_row(description: str, *, done: str, permission: str = "change") -> Callable[[RowAct], Any]:
    """An action that does `act(admin, row, by, reason)` to each chosen row, all or none.

    Without a reason beside the action a page asks for it first. `done` completes "3 rows …".
    """

    def decorate(act: RowAct) -> Any:
        @admin.action(description=description, permissions=[permission])
        @wraps(act)
        def action(self: Any, request: HttpRequest, queryset: Any) -> HttpResponse | None:
            reason = reason_in(request)
            if not reason:
                return _ask(self, request, queryset, act.__name__, description)
            by = principal_of(request)
            try:
                count = all_or_none(queryset, lambda row: act(self, row, by, reason))
            except Refused as refused:
                refused.tell(request)
            else:
                name = self.opts.verbose_name if count == 1 else self.opts.verbose_name_plural
                messages.success(request, f"{count} {name} {done}.")
            return None

        return action

    return decorate


def _ask(self: Any, request: HttpRequest, queryset: Any, action: str, description: str) -> HttpResponse:
    """The page between an action and its effect: which rows, and why."""
    context = {
        **self.admin_site.each_context(request),
        "title": description,
        "opts": self.opts,
        "rows": queryset,
        "action": action,
        "select_across": request.POST.get("select_across", "0"),
        "checkbox": helpers.ACTION_CHECKBOX_NAME,
        "asked": "reason" in request.POST and "index" not in request.POST,
        "longest": LONGEST_REASON,
    }
    return TemplateResponse(request, "admin/reason.html", context)
