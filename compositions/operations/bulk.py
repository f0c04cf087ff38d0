"""Stopping or redriving many executions, or dead letters: seen beforehand, ordered with a reason, done in batches."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import QueryDict

from compositions.finding import filtered
from compositions.models import BulkRun, Execution
from compositions.models.executions import ExecutionStatus
from compositions.models.watching import BulkAct
from compositions.operations import dead_letters, executions
from compositions.operations.pipes import reason_given
from controlplane.audit.chain import record
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid, Problem

AT_ONCE = 50
SHOWN = 20
# Another worker goes on with what was not touched for so long.
LOST_AFTER = timedelta(seconds=15)
STATUSES: dict[str, tuple[str, ...]] = {
    BulkAct.STOP: (ExecutionStatus.RUNNING,),
    BulkAct.REDRIVE: tuple(executions.REDRIVEN),
}
# Acts on these for somebody with a reason; how many it could act on.
Work = Callable[[list[str], Principal, str], int]


class Chosen(NamedTuple):
    """How many the act would touch, and the newest of them."""

    total: int
    first: list[Execution]


def preview(act: str, query: str) -> Chosen:
    """What an order would touch now. Raises Invalid for an unknown act or filter."""
    rows = _executions(act, query)
    return Chosen(rows.count(), list(rows.order_by("-pk")[:SHOWN]))


def order(act: str, query: str, *, by: Principal, reason: str) -> BulkRun:
    """Order it for what the filter finds now. Raises Invalid without a reason or when nothing is found."""
    given = reason_given(reason)
    rows = _executions(act, query)
    newest = rows.values_list("pk", flat=True).last()
    if newest is None:
        raise Invalid("No execution matches; nothing was ordered.", problems=[])
    with transaction.atomic():
        run = _ordered(act, query, newest, rows.count(), by, given)
        after = {"query": query, "total": run.total}
        record(action=f"execution.bulk_{act}", subject=f"bulk:{run.pk}", by=by, after=after, reason=given)
    return run


def redrive(
    slug: str, chosen: dead_letters.Chosen, *, by: Principal, reason: str
) -> tuple[dead_letters.Found, BulkRun | None]:
    """Take dead letters of pipe `slug` up again, now where they are few or named; else order it."""
    found = dead_letters.preview(slug, chosen)
    if chosen.intents or found.matching <= dead_letters.MOST_AT_ONCE:
        return dead_letters.redrive(slug, chosen, by=by, reason=reason), None
    given = reason_given(reason)
    ids = dead_letters.of(slug).values_list("pk", flat=True)
    newest = next(iter(ids[found.matching - 1 : found.matching]), None) or ids.last() or ""  # some may just have gone
    with transaction.atomic():
        run = _ordered(BulkAct.TAKE_UP, slug, newest, found.matching, by, given)
        after = {"ordered": found.matching, "order": run.pk}
        record(action="pipe.redrive", subject=f"pipe:{slug}", by=by, after=after, reason=given)
    return found, run


def _ordered(act: str, query: str, newest: str, total: int, by: Principal, reason: str) -> BulkRun:
    now = clock.now()
    return BulkRun.objects.create(
        act=act,
        query=query,
        newest=newest,
        cursor="",
        total=total,
        reason=reason,
        by=by.name,
        by_kind=by.kind,
        by_id=by.user_id,
        ordered_at=now,
        touched_at=now - LOST_AFTER,
    )


def go_on(limit: int = AT_ONCE) -> int:
    """One batch of the order that waits longest; returns how many were looked at."""
    run = _claimed()
    if run is None:
        return 0
    rows = dead_letters.of(run.query) if run.act == BulkAct.TAKE_UP else _executions(run.act, run.query)
    ids = list(rows.filter(pk__gt=run.cursor, pk__lte=run.newest).values_list("pk", flat=True)[:limit])
    by = Principal(run.by, run.by_kind, run.by_id)  # type: ignore[arg-type]
    done = WORK[BulkAct(run.act)](ids, by, run.reason)
    now = clock.now()
    BulkRun.objects.filter(pk=run.pk).update(
        cursor=ids[-1] if ids else run.cursor,
        done=F("done") + done,
        refused=F("refused") + len(ids) - done,
        touched_at=now - LOST_AFTER,
        ended_at=None if len(ids) == limit else now,
    )
    return len(ids)


def _each(operate: Callable[..., Any]) -> Work:
    def work(ids: list[str], by: Principal, reason: str) -> int:
        done = 0
        for pk in ids:
            try:
                operate(pk, by=by, reason=reason)
                done += 1
            except Problem:
                continue  # it moved on by itself meanwhile; one that cannot be acted on holds up none of the others
        return done

    return work


WORK: dict[str, Work] = {
    BulkAct.STOP: _each(executions.stop),
    BulkAct.REDRIVE: _each(executions.redrive),
    BulkAct.TAKE_UP: lambda ids, by, reason: dead_letters.take_up(ids, by=by, reason=reason),
}


def _claimed() -> BulkRun | None:
    """The order that was touched longest ago, by this worker alone."""
    now = clock.now()
    lost = BulkRun.objects.filter(ended_at=None, touched_at__lte=now - LOST_AFTER)
    for run in lost.order_by("touched_at")[:5]:
        if lost.filter(pk=run.pk, touched_at=run.touched_at).update(touched_at=now):
            return run
    return None


def _executions(act: str, query: str) -> QuerySet[Execution]:
    """The oldest first."""
    if act not in STATUSES:
        message = f"There is no act {act!r}; use {' or '.join(STATUSES)}."
        raise Invalid(message, problems=[FieldProblem("act", "invalid_choice", message)])
    given: Any = QueryDict(query)
    return filtered(given).filter(status__in=STATUSES[act]).order_by("pk")
