"""Stopping or redriving many executions at once: seen beforehand, ordered with a reason, worked off in batches."""

from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import QueryDict

from compositions.finding import filtered
from compositions.models import BulkRun, Execution
from compositions.models.executions import ExecutionStatus
from compositions.models.watching import BulkAct
from compositions.operations import executions
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
OPERATE = {BulkAct.STOP: executions.stop, BulkAct.REDRIVE: executions.redrive}


class Chosen(NamedTuple):
    """How many the act would touch, and the newest of them."""

    total: int
    first: list[Execution]


def preview(act: str, query: str) -> Chosen:
    """What an order would touch now. Raises Invalid for an unknown act or filter."""
    rows = _chosen(act, query)
    return Chosen(rows.count(), list(rows[:SHOWN]))


def order(act: str, query: str, *, by: Principal, reason: str) -> BulkRun:
    """Order it for what the filter finds now. Raises Invalid without a reason or when nothing is found."""
    if not reason.strip():
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    rows = _chosen(act, query)
    newest = rows.values_list("pk", flat=True).first()
    if newest is None:
        raise Invalid("No execution matches; nothing was ordered.", problems=[])
    now = clock.now()
    with transaction.atomic():
        run = BulkRun.objects.create(
            act=act,
            query=query,
            newest=newest,
            cursor=newest + "~",
            total=rows.count(),
            reason=reason.strip()[:500],
            by=by.name,
            by_kind=by.kind,
            by_id=by.user_id,
            ordered_at=now,
            touched_at=now - LOST_AFTER,
        )
        after = {"query": query, "total": run.total}
        record(action=f"execution.bulk_{act}", subject=f"bulk:{run.pk}", by=by, after=after, reason=run.reason)
    return run


def go_on(limit: int = AT_ONCE) -> int:
    """One batch of the order that waits longest; returns how many executions were looked at."""
    run = _claimed()
    if run is None:
        return 0
    rows = list(_chosen(run.act, run.query).filter(pk__lt=run.cursor, pk__lte=run.newest)[:limit])
    by = Principal(run.by, run.by_kind, run.by_id)  # type: ignore[arg-type]
    done = 0
    for row in rows:
        try:
            OPERATE[BulkAct(run.act)](row.pk, by=by, reason=run.reason)
            done += 1
        except Problem:
            continue  # it moved on by itself meanwhile; one that cannot be acted on holds up none of the others
    now = clock.now()
    BulkRun.objects.filter(pk=run.pk).update(
        cursor=rows[-1].pk if rows else run.cursor,
        done=F("done") + done,
        refused=F("refused") + len(rows) - done,
        touched_at=now - LOST_AFTER,
        ended_at=None if len(rows) == limit else now,
    )
    return len(rows)


def _claimed() -> BulkRun | None:
    """The order that was touched longest ago, by this worker alone."""
    now = clock.now()
    lost = BulkRun.objects.filter(ended_at=None, touched_at__lte=now - LOST_AFTER)
    for run in lost.order_by("touched_at")[:5]:
        if lost.filter(pk=run.pk, touched_at=run.touched_at).update(touched_at=now):
            return run
    return None


def _chosen(act: str, query: str) -> QuerySet[Execution]:
    if act not in STATUSES:
        message = f"There is no act {act!r}; use {' or '.join(BulkAct.values)}."
        raise Invalid(message, problems=[FieldProblem("act", "invalid_choice", message)])
    given: Any = QueryDict(query)
    return filtered(given).filter(status__in=STATUSES[act]).order_by("-pk")
