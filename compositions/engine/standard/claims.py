"""Who carries an execution on: workers sign in under a lease, take up what is due, and inherit from the dead.

A worker's lease is one row, renewed in one statement for all that it owns. When it lapses, whoever sees it first
strikes the worker off and raises the fence of everything that it owned, so that it can write nothing more. Taking up is
a claim of rows: with SKIP LOCKED on PostgreSQL, so that workers never wait for each other; under the one write lock on
SQLite. What is due is found by a partial index, so a claim costs the same however many executions wait.

All of this is called in a thread of its own, on that thread's connection.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import connection, transaction
from django.db.models import F, Min

from compositions.models import Execution, JournalEntry, SagaWorker, TaskToken
from compositions.models.executions import ExecutionStatus
from controlplane.kernel import clock

from .statements import EXECUTION, JOURNAL


class Claimed(msgspec.Struct):
    """An execution as it was when it was taken up."""

    id: str
    composition: str
    version: int
    name: str
    input: str
    metadata: str
    when_open: str
    priority: int
    most_parks: int
    pipe: str
    intent: str
    parent: str
    parent_waits: bool
    started_at: datetime
    fence: int
    signals: int
    parked_on: str
    parked_why: str
    parked_at: datetime | None
    park_count: int
    trial_count: int
    caught: bool
    calls_done: int
    calls_undone: int
    redrive_count: int
    seed: str


COLUMNS: Final = Claimed.__struct_fields__
_RETURNED: Final = ", ".join(f"{EXECUTION}.{name}" for name in COLUMNS)
_DUE: Final = f"SELECT id FROM {EXECUTION} WHERE wake_at <= %s{{and_}} ORDER BY wake_at LIMIT %s{{lock}}"
_TAKE: Final = f"""
    UPDATE {EXECUTION} SET owner = %s, fence = fence + 1, wake_at = NULL WHERE {{among}} RETURNING {_RETURNED}"""


def sign_in(worker: str, host: str, pid: int, lease_s: float, *, takes_up: bool = True) -> None:
    now = database_now()
    SagaWorker.objects.update_or_create(
        pk=worker,
        defaults={
            "host": host[:200],
            "pid": pid,
            "started_at": now,
            "lease_until": now + timedelta(seconds=lease_s),
            "takes_up": takes_up,
        },
    )


def renew(worker: str, lease_s: float, loaded: int) -> bool:
    """False when the worker has been struck off: nothing that it owned is its any more."""
    until = database_now() + timedelta(seconds=lease_s)
    return bool(SagaWorker.objects.filter(pk=worker).update(lease_until=until, loaded=loaded))


def sign_off(worker: str) -> None:
    """Leave, and whatever is still owned is due at once."""
    with transaction.atomic():
        SagaWorker.objects.filter(pk=worker).delete()
        _disown([worker])


def leads(worker: str) -> bool:
    """Whether it does what one of all workers is to do."""
    at_work = SagaWorker.objects.filter(lease_until__gt=database_now(), takes_up=True)
    return at_work.order_by("pk").values_list("pk", flat=True).first() == worker


def inherit() -> list[str]:
    """Strike off the workers whose lease has lapsed; what they owned is due."""
    if not SagaWorker.objects.filter(lease_until__lt=database_now()).exists():
        return []
    with transaction.atomic():
        # Locked first: a claim under way holds its worker's row, and what it took must be seen here.
        gone = list(_lock(SagaWorker.objects.filter(lease_until__lt=database_now())).values_list("pk", flat=True))
        SagaWorker.objects.filter(pk__in=gone).delete()
        _disown(gone)
    return gone


def _disown(workers: Sequence[str]) -> None:
    left = Execution.objects.filter(owner__in=workers, owner__gt="")
    left.update(owner="", fence=F("fence") + 1, wake_at=database_now())


def claim(worker: str, most: int) -> list[Claimed]:
    """Take up to `most` executions that are due: urgent ones first, then those that have been due for longest."""
    if not Execution.objects.filter(wake_at__lte=database_now()).exists():
        return []  # looking first spares SQLite's one write lock
    with transaction.atomic():
        if not _lock(SagaWorker.objects.filter(pk=worker), shared=True).exists():
            return []
        claimed = _take(worker, most, " AND priority > 0")
        if len(claimed) < most:
            claimed += _take(worker, most - len(claimed), "")
    return claimed


def claim_one(worker: str, execution: str) -> Claimed | None:
    """Take this one, if nobody has it and it is due or waits for a circuit."""
    free = f"SELECT id FROM {EXECUTION} WHERE id = %s AND owner = '' AND status = 'RUNNING'{_skipping()}"
    with transaction.atomic():
        if not _lock(SagaWorker.objects.filter(pk=worker), shared=True).exists():
            return None
        return next(iter(_rows(_TAKE.format(among=_among(free)), [worker, execution])), None)


def _take(worker: str, most: int, and_: str) -> list[Claimed]:
    due = _DUE.format(and_=and_, lock=_skipping())
    return _rows(_TAKE.format(among=_among(due)), [worker, _parameter(database_now()), most])


def _rows(sql: str, parameters: list[Any]) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    if connection.vendor != "postgresql":
        rows = [_converted(row) for row in rows]
    return [Claimed(*row) for row in rows]


def remembered(executions: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Number and text of what each was told, from its last checkpoint on, in order."""
    if not executions:
        return {}
    marks = ",".join(["%s"] * len(executions))
    sql = f"""
        SELECT j.execution, j.number, j.told FROM {JOURNAL} j
        WHERE j.execution IN ({marks}) AND j.number >= COALESCE(
            (SELECT MAX(b.number) FROM {JOURNAL} b WHERE b.execution = j.execution AND b.begins), 0)
        ORDER BY j.execution, j.number"""
    found: dict[str, list[tuple[int, str]]] = {id: [] for id in executions}
    with connection.cursor() as cursor:
        cursor.execute(sql, list(executions))
        for id, number, told in cursor.fetchall():
            found[id].append((number, told))
    return found


def wake_parked(target: str, most: int) -> int:
    """Make due the longest-waiting of the executions that wait for this target's circuit."""
    waiting = f"""
        SELECT id FROM {EXECUTION}
        WHERE parked_on = %s AND parked_on > '' AND wake_at IS NULL AND owner = '' ORDER BY id LIMIT %s"""
    sql = f"UPDATE {EXECUTION} SET wake_at = %s WHERE {_among(waiting + _skipping())}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [_parameter(database_now()), target, most])
        return int(cursor.rowcount)


def parked_targets() -> list[str]:
    """The targets that some execution waits for; a few steps through an index, however many wait."""
    waiting = f"FROM {EXECUTION} WHERE wake_at IS NULL AND parked_on > ''"
    sql = f"""
        WITH RECURSIVE target(slug) AS (
            SELECT (SELECT MIN(parked_on) {waiting})
            UNION ALL
            SELECT (SELECT MIN(parked_on) {waiting} AND parked_on > target.slug) FROM target WHERE slug IS NOT NULL
        )
        SELECT slug FROM target WHERE slug IS NOT NULL"""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [slug for (slug,) in cursor.fetchall()]


def signals_of(executions: Sequence[str]) -> dict[str, tuple[int, int, str]]:
    """Signals, fence and status of each."""
    rows = Execution.objects.filter(pk__in=executions).values_list("pk", "signals", "fence", "status")
    return {id: (signals, fence, status) for id, signals, fence, status in rows}


def task(token: str) -> TaskToken | None:
    return TaskToken.objects.filter(pk=token).first()


def ended_child(id: str) -> Execution | None:
    return Execution.objects.filter(pk=id).exclude(status=ExecutionStatus.RUNNING).first()


def owned(worker: str) -> set[tuple[str, int]]:
    """Id and fence of everything that this worker owns."""
    return set(Execution.objects.filter(owner=worker, owner__gt="").values_list("pk", "fence"))


def give_back(worker: str, strays: set[tuple[str, int]]) -> None:
    """Make due what this worker owns and does not carry, as after a fault in the midst of taking it up."""
    for id, fence in strays:
        again = Execution.objects.filter(pk=id, fence=fence, owner=worker)
        again.update(owner="", fence=F("fence") + 1, wake_at=database_now())


def keep_late(execution: str, told: str) -> None:
    """Keep a result that came when nobody waited for it any more. Under no fence: it is a fact about the outside."""
    with transaction.atomic():
        _lock(Execution.objects.filter(pk=execution)).exists()
        least = JournalEntry.objects.filter(execution=execution).aggregate(least=Min("number"))["least"]
        JournalEntry.objects.create(
            execution=execution, number=min(least if least is not None else 0, 0) - 1, at=clock.now(), told=told
        )


def _among(ids: str) -> str:
    """Rows whose id a query gives; as an array, so that PostgreSQL looks each one up and never walks the table."""
    return f"id = ANY(ARRAY({ids}))" if connection.vendor == "postgresql" else f"id IN ({ids})"


def _skipping() -> str:
    return " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""


def _lock(rows: Any, *, shared: bool = False) -> Any:
    """The rows, locked until the transaction ends; on SQLite the transaction itself is the lock."""
    if connection.vendor != "postgresql":
        return rows
    return rows.select_for_update(no_key=shared)


def database_now() -> datetime:
    """The database's time where several machines share it."""
    if connection.vendor != "postgresql":
        return clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _parameter(moment: datetime) -> Any:
    return moment if connection.vendor == "postgresql" else connection.ops.adapt_datetimefield_value(moment)


def _converted(row: Sequence[Any]) -> list[Any]:
    """SQLite keeps times as text and booleans as numbers."""
    values = list(row)
    for index, name in enumerate(COLUMNS):
        if name in ("started_at", "parked_at") and isinstance(values[index], str):
            values[index] = datetime.fromisoformat(values[index] + "+00:00")
        elif name in ("caught", "parent_waits"):
            values[index] = bool(values[index])
    return values
