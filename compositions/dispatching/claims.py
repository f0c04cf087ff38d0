"""Starting what waits: many intents in one transaction, each of them once.

Waiting intents are found by partial indexes, so taking some costs the same however many wait. Conditions are written
as the indexes have them, because SQLite uses a partial index only for what it sees to be implied. Rows are claimed with
SKIP LOCKED on PostgreSQL and under the one write lock on SQLite; an intent becomes RUNNING in the transaction that
inserts its execution, so it has one or none.

All of this is called in a thread of its own, on that thread's connection.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from django.db import connection, transaction
from django.db.models import Case, CharField, Value, When

from compositions.models import Execution, Intent
from compositions.models.intents import IntentStatus
from compositions.operations import executions
from compositions.operations.executions import Wanted
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import rfc3339

INTENT: Final = Intent._meta.db_table
SYSTEM: Final = Principal.system("pipe")
COLUMNS: Final = "id, body, headers, consumer, order_key, attempts, accepted_at"
WAITING: Final = "status = 'ACCEPTED' AND NOT held"
OLDEST_FIRST: Final = "accepted_at, id"  # as the index of what waits has it
IN_ORDER: Final = "status IN ('ACCEPTED', 'RUNNING') AND NOT (order_key = '')"


class Waiting(msgspec.Struct):
    """An intent that waits, as it was claimed. `behind`: an earlier one with its order key has not ended."""

    id: str
    body: str
    headers: str
    consumer: str
    order_key: str
    attempts: int
    accepted_at: datetime
    behind: bool = False


Matches = Callable[[Any], bool]


class Turn(NamedTuple):
    """What came of one look at the waiting: how many were started, how many were looked at, and the order keys behind
    whose first intent others were put aside."""

    started: int
    seen: int
    aside: set[str]


class Plan(msgspec.Struct, frozen=True):
    """What an intent of this pipe becomes: an execution of which composition, and how it behaves."""

    pipe: str
    target: str
    when_open: str = "hold"
    most_parks: int = 0


# Taking ---------------------------------------------------------------------------------------------------------------


def take(pipe: str, most: int, *, ordered: bool) -> tuple[list[Waiting], set[str]]:
    """Lock up to `most` intents that may start now, the oldest first. Call it inside a transaction.

    In a pipe that keeps order, those that stand behind another are put aside until its turn has passed; their keys.
    """
    now = clock.now()
    behind = (
        f", EXISTS (SELECT 1 FROM {INTENT} e WHERE e.pipe = i.pipe AND e.order_key = i.order_key AND e.id < i.id"
        f" AND {IN_ORDER.replace('status', 'e.status').replace('order_key', 'e.order_key')})"
        if ordered
        else ""
    )
    columns = ", ".join(f"i.{name}" for name in COLUMNS.split(", "))
    sql = (
        f"SELECT {columns}{behind} FROM {INTENT} i WHERE i.pipe = %s AND i.status = 'ACCEPTED' AND NOT i.held"
        f" AND (i.not_before IS NULL OR i.not_before <= %s) ORDER BY {OLDEST_FIRST} LIMIT %s{skipping()}"
    )
    window = select(sql, [pipe, connection.ops.adapt_datetimefield_value(now), most])
    if not ordered:
        return window, set()
    running = Intent.objects.filter(pipe=pipe, status=IntentStatus.RUNNING).exclude(order_key="").order_by()
    busy = set(running.values_list("order_key", flat=True))
    free: list[Waiting] = []
    aside: dict[str, str] = {}
    for one in window:
        if one.order_key and (one.behind or one.order_key in busy):
            aside[one.id] = one.order_key
        else:
            free.append(one)
            busy.add(one.order_key)
    Intent.objects.filter(pk__in=list(aside)).update(held=True)
    return free, set(aside.values())


def unhold(pipe: str, keys: Iterable[str]) -> set[str]:
    """Of each key that has nothing under way the first held intent may go on; the keys for which others are held."""
    running = Intent.objects.filter(pipe=pipe, status=IntentStatus.RUNNING).exclude(order_key="").order_by()
    busy = set(running.values_list("order_key", flat=True))
    left = set()
    for key in keys:
        if key in busy:
            left.add(key)
            continue
        of_key = f"pipe = %s AND order_key = %s AND {IN_ORDER}"
        first = select(f"SELECT {COLUMNS} FROM {INTENT} WHERE {of_key} ORDER BY id LIMIT 1", [pipe, key])
        if first:
            left.add(key)
            Intent.objects.filter(pk=first[0].id, held=True).update(held=False)
    return left


# Starting -------------------------------------------------------------------------------------------------------------


def start(
    plan: Plan, taken: Sequence[Waiting], inputs: Sequence[str] | None = None, *, parked_on: str = ""
) -> list[str]:
    """Start their executions and mark them as running; ids of the executions. Call it inside a transaction.

    `inputs` in place of the bodies, where something was made of them. `parked_on`: no worker takes them up, for they
    are to try that target.
    """
    if not taken:
        return []
    version = executions.present_version(plan.target)
    wanted = [
        Wanted(
            composition=plan.target,
            version=version,
            input_text=one.body if inputs is None else inputs[index],
            pipe=plan.pipe,
            intent=one.id,
            when_open=plan.when_open,
            most_parks=plan.most_parks,
            metadata=metadata(plan.pipe, one),
        )
        for index, one in enumerate(taken)
    ]
    executions.start_all(wanted, by=SYSTEM)
    begun = {one.intent: one.id for one in wanted}
    if parked_on:
        parked = {"wake_at": None, "parked_on": parked_on, "parked_at": clock.now()}
        why = f"It is to try whether {parked_on} is back."
        Execution.objects.filter(pk__in=list(begun.values())).update(**parked, parked_why=why)
    Intent.objects.filter(pk__in=list(begun)).update(
        status=IntentStatus.RUNNING,
        execution=Case(
            *(When(pk=intent, then=Value(execution)) for intent, execution in begun.items()), output_field=CharField()
        ),
        owner="",
        owned_until=None,
        not_before=None,
        held=False,
    )
    return list(begun.values())


def metadata(pipe: str, one: Waiting) -> dict[str, Any]:
    """What the context object tells beside the input."""
    told: dict[str, Any] = {"Intent": one.id, "Pipe": pipe, "AcceptedAt": rfc3339(one.accepted_at)}
    if one.consumer:
        told["Consumer"] = one.consumer
    if one.headers:
        told["Headers"] = json.loads(one.headers)
    return told


def start_waiting(plan: Plan, most: int, *, ordered: bool, matches: Matches | None = None) -> Turn:
    """Take up to `most` and start those that the filter lets through."""
    with transaction.atomic():
        taken, aside = take(plan.pipe, most, ordered=ordered)
        wanted = matching(taken, matches)
        start(plan, wanted)
    return Turn(len(wanted), len(taken) + len(aside), aside)


def matching(taken: list[Waiting], matches: Matches | None) -> list[Waiting]:
    """Those that the filter lets through; the others end."""
    if matches is None:
        return taken
    wanted = [one for one in taken if matches(json.loads(one.body))]
    if left_out := {one.id for one in taken} - {one.id for one in wanted}:
        pass_over(left_out)
    return wanted


def pass_over(intents: Iterable[str]) -> None:
    """The pipe's filter lets nothing come of them: they end at once."""
    Intent.objects.filter(pk__in=list(intents)).update(
        status=IntentStatus.SUCCEEDED, outcome='{"filtered": true}', ended_at=clock.now(), held=False
    )


# Preparing, where more than one step is needed ------------------------------------------------------------------------


def prepare(
    pipe: str, most: int, owner: str, lease_s: float, *, ordered: bool, matches: Matches | None = None
) -> tuple[list[Waiting], Turn]:
    """Take some for enrichment: they are nobody else's until the lease lapses."""
    with transaction.atomic():
        found, aside = take(pipe, most, ordered=ordered)
        taken = matching(found, matches)
        Intent.objects.filter(pk__in=[one.id for one in taken]).update(
            status=IntentStatus.RUNNING, owner=owner, owned_until=clock.now() + timedelta(seconds=lease_s)
        )
    return taken, Turn(len(taken), len(found) + len(aside), aside)


def start_prepared(plan: Plan, one: Waiting, owner: str, input_text: str, *, parked_on: str = "") -> str:
    """Id of its execution; empty when the lease has lapsed and somebody else prepares it."""
    with transaction.atomic():
        mine = Intent.objects.select_for_update().filter(pk=one.id, owner=owner, status=IntentStatus.RUNNING)
        if not mine.exists():
            return ""
        return start(plan, [one], [input_text], parked_on=parked_on)[0]


def put_off(one: Waiting, owner: str, why: str, *, again_after_s: float, most_attempts: int) -> bool:
    """It could not be prepared: it waits again, or is a dead letter; True for the latter."""
    now, dead = clock.now(), one.attempts + 1 >= most_attempts
    mine = Intent.objects.filter(pk=one.id, owner=owner, status=IntentStatus.RUNNING)
    fields: dict[str, Any] = {"attempts": one.attempts + 1, "owner": "", "owned_until": None, "reason": why[:500]}
    if dead:
        mine.update(**fields, status=IntentStatus.DEAD, ended_at=now)
    else:
        mine.update(**fields, status=IntentStatus.ACCEPTED, not_before=now + timedelta(seconds=again_after_s))
    return dead


def reclaim(pipes: Sequence[str]) -> int:
    """Intents whose owner is lost wait again."""
    lost = Intent.objects.filter(pipe__in=pipes, status=IntentStatus.RUNNING, owned_until__lt=clock.now(), owner__gt="")
    return lost.update(status=IntentStatus.ACCEPTED, owner="", owned_until=None)


def skipping() -> str:
    return " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""


def select(sql: str, parameters: list[Any]) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    found = [Waiting(*row) for row in rows]
    for one in found:
        if one.accepted_at.tzinfo is None:  # SQLite keeps times in UTC without saying so
            one.accepted_at = one.accepted_at.replace(tzinfo=UTC)
    return found
