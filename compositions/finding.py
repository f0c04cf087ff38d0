"""Which executions a filter finds: the same words in REST, on pages and in orders for many."""

from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from compositions.models import Execution
from compositions.models.executions import ExecutionStatus
from controlplane.kernel.errors import FieldProblem, Invalid

FILTERS = {
    "composition": "composition",
    "pipe": "pipe",
    "intent": "intent",
    "parent": "parent",
    "parked_on": "parked_on",
    "error": "error",
    "name": "name",
}


def filtered(given: Any) -> QuerySet[Execution]:
    """The executions that query parameters ask for, newest first. Raises Invalid with the parameter's name.

    What they were given and gave is read only where it is looked at: a list of many would be of many megabytes.
    """
    rows = Execution.objects.defer("input", "output", "metadata").order_by("-pk")
    for name, column in FILTERS.items():
        if value := given.get(name):
            rows = rows.filter(**{column: _plain(name, value)})
    if statuses := [word for word in given.get("status", "").split(",") if word]:
        unknown = sorted(set(statuses) - set(ExecutionStatus.values))
        if unknown:
            raise wrong("status", f"There is no status {unknown[0]!r}; use {', '.join(ExecutionStatus.values)}.")
        rows = rows.filter(status__in=statuses)
    for name, lookup in (("started_after", "started_at__gte"), ("started_before", "started_at__lt")):
        if value := given.get(name):
            rows = rows.filter(**{lookup: _moment(name, value)})
    if before := given.get("before"):
        rows = rows.filter(pk__lt=_plain("before", before))
    return rows


def _plain(name: str, value: str) -> str:
    if "\x00" in value:
        raise wrong(name, "Use text without NUL.")
    return value


def _moment(name: str, value: str) -> Any:
    try:
        moment = parse_datetime(value.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wrong(name, "Use RFC 3339 with an offset, as in 2026-05-04T10:20:30Z.")
    return moment


def wrong(name: str, text: str) -> Invalid:
    return Invalid(text, problems=[FieldProblem(name, "invalid", text)])
