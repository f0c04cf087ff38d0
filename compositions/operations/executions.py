"""Starting, stopping and redriving durable executions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max

from compositions.engine.standard import ends, identity, journal
from compositions.engine.standard.ends import Ended, Redriven
from compositions.engine.standard.nudges import nudge_after_commit
from compositions.models import Composition, Execution, JournalEntry
from compositions.models.compositions import WorkflowType
from compositions.models.executions import ExecutionStatus, WhenOpen
from controlplane.audit.chain import record
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

REDRIVEN = (
    ExecutionStatus.FAILED,
    ExecutionStatus.TIMED_OUT,
    ExecutionStatus.ABORTED,
    ExecutionStatus.DEAD,
    ExecutionStatus.COMPENSATION_FAILED,
)
LARGEST_INPUT = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An execution to start. `metadata` is shown by the context object as Execution.Metadata; secrets stay out of it.

    `most_parks`: how often a step whose error nothing catches, and which is not the definition's own doing, is put off
    and tried again before the execution is DEAD; with 0 it fails at once.
    """

    composition: str
    version: int
    input_text: str
    name: str = ""
    pipe: str = ""
    intent: str = ""
    when_open: str = WhenOpen.HOLD
    priority: int = 0
    most_parks: int = 0
    parent: str = ""
    parent_waits: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=identity.new_id)


def start(
    composition: str,
    input_text: str,
    *,
    by: Principal,
    name: str = "",
    pipe: str = "",
    intent: str = "",
    when_open: str = WhenOpen.HOLD,
    priority: int = 0,
    most_parks: int = 0,
    metadata: Mapping[str, Any] | None = None,
    reason: str = "",
) -> Execution:
    """Start an execution of the composition's present version, in the caller's transaction if there is one.

    Raises NotFound, Conflict for an EXPRESS composition, Invalid for input that is not JSON or too large.
    """
    wanted = Wanted(
        composition=composition,
        version=present_version(composition),
        input_text=checked_input(input_text),
        name=name,
        pipe=pipe,
        intent=intent,
        when_open=when_open,
        priority=priority,
        most_parks=most_parks,
        metadata=metadata or {},
    )
    with transaction.atomic():
        row = start_all([wanted], by=by)[0]
        if by.kind != "system":
            subject = f"execution:{row.id}"
            record(action="execution.start", subject=subject, by=by, after={"composition": composition}, reason=reason)
    return row


def start_all(wanted: Iterable[Wanted], *, by: Principal, now: datetime | None = None) -> list[Execution]:
    """Start many at once, in one insert; inputs and versions are the caller's word. An id that exists is left alone."""
    moment = now or clock.now()
    rows = [
        Execution(
            id=one.id,
            composition=one.composition,
            version=one.version,
            name=one.name,
            input=one.input_text,
            metadata=msgspec.json.encode(one.metadata).decode() if one.metadata else "",
            when_open=one.when_open,
            priority=one.priority,
            most_parks=one.most_parks,
            pipe=one.pipe,
            intent=one.intent,
            parent=one.parent,
            parent_waits=one.parent_waits,
            started_by=by.name[:200],
            started_at=moment,
            wake_at=moment,
            seed=identity.new_seed(),
        )
        for one in wanted
    ]
    Execution.objects.bulk_create(rows, ignore_conflicts=True)
    nudge_after_commit()
    return rows


def present_version(composition: str) -> int:
    """The number of the definition that stands. Raises NotFound, or Conflict when it is not STANDARD."""
    found = Composition.objects.filter(slug=composition).values_list("type", "version").first()
    if found is None:
        raise NotFound(f"There is no composition {composition!r}.")
    if found[0] != WorkflowType.STANDARD:
        raise Conflict(f"Composition {composition!r} is EXPRESS: it runs in memory and has no executions.")
    return int(found[1])


def checked_input(input_text: str) -> str:
    if len(input_text.encode()) > LARGEST_INPUT:
        text = f"The input is larger than {LARGEST_INPUT // 1024} KB; pass a reference to it instead."
        raise Invalid("The input is too large.", problems=[FieldProblem("input", "max_length", text)])
    try:
        msgspec.json.decode(input_text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f"Use JSON: {error}."
        raise Invalid("The input is not JSON.", problems=[FieldProblem("input", "parse_error", text)]) from error
    return input_text


def find(id: str) -> Execution:
    row = Execution.objects.filter(pk=id).first()
    if row is None:
        raise NotFound(f"There is no execution {id!r}.")
    return row


def stop(id: str, *, by: Principal, reason: str = "") -> Execution:
    """End it where it stands: nothing more is called, and nothing that was done is undone. Children that it waits for
    are stopped with it. Raises Conflict when it has ended already."""
    with transaction.atomic():
        row = _locked(id)
        if row.status != ExecutionStatus.RUNNING:
            raise Conflict(f"The execution has ended already: {row.status}.", status_now=row.status)
        stopped = [row, *_children(row)]
        now = clock.now()
        for one in stopped:
            _tell(one, {"k": "aborted", "by": by.name, "reason": reason}, now)
            one.status, one.ended_at, one.cause = ExecutionStatus.ABORTED, now, reason
            one.fence, one.owner, one.wake_at = one.fence + 1, "", None
            one.parked_on, one.parked_why, one.parked_at = "", "", None
            one.save()
        ends.end([_ended(one) for one in stopped])
        _audit("stop", row, ExecutionStatus.RUNNING, by, reason)
        nudge_after_commit([one.id for one in stopped])
    return row


def redrive(id: str, *, by: Principal, reason: str = "") -> Execution:
    """Take it up again at the step that failed, with the same version and the same keys; what succeeded is kept.

    Raises Conflict when it is running, or has succeeded.
    """
    with transaction.atomic():
        row = _locked(id)
        if row.status not in REDRIVEN:
            raise Conflict(f"Only an execution that failed can be redriven; this one is {row.status}.")
        before, now = row.status, clock.now()
        row.redrive_count += 1
        _tell(row, {"k": journal.REDRIVEN, "by": by.name, "reason": reason, "count": row.redrive_count}, now)
        row.status, row.ended_at, row.error, row.cause = ExecutionStatus.RUNNING, None, "", ""
        row.fence, row.owner, row.wake_at, row.park_count = row.fence + 1, "", now, 0
        row.save()
        for taken_up in ends.REDRIVES:
            taken_up([Redriven(row.id, row.pipe, row.intent)])
        _audit("redrive", row, before, by, reason)
        nudge_after_commit([row.id])
    return row


def _locked(id: str) -> Execution:
    row = Execution.objects.select_for_update().filter(pk=id).first()
    if row is None:
        raise NotFound(f"There is no execution {id!r}.")
    return row


def _children(row: Execution) -> list[Execution]:
    """Running children that a parent waits for, and theirs."""
    running = Execution.objects.select_for_update().filter(status=ExecutionStatus.RUNNING, parent_waits=True)
    found: list[Execution] = []
    parents = [row.pk]
    while parents:
        generation = list(running.filter(parent__in=parents))
        found += generation
        parents = [child.pk for child in generation]
    return found


def _tell(row: Execution, happening: dict[str, Any], now: datetime) -> None:
    """One more entry of the journal, by somebody who holds the row's lock and raises its fence."""
    newest = JournalEntry.objects.filter(execution=row.pk).aggregate(newest=Max("number"))["newest"]
    what = happening.pop("k")
    told = journal.written([(what, (), 0, clock.to_ms(now), happening)])
    JournalEntry.objects.create(execution=row.pk, number=max(newest or 0, 0) + 1, at=now, told=told)


def _ended(row: Execution) -> Ended:
    assert row.ended_at is not None
    return Ended(
        row.id,
        row.composition,
        row.status,
        row.output,
        row.error,
        row.cause,
        row.pipe,
        row.intent,
        row.parent,
        row.parent_waits,
        row.ended_at,
    )


def _audit(act: str, row: Execution, before: str, by: Principal, reason: str) -> None:
    states = {"before": {"status": before}, "after": {"status": row.status}}
    record(action=f"execution.{act}", subject=f"execution:{row.id}", by=by, reason=reason, **states)
