"""What else is written in the transaction that ends an execution, or that takes one up again after its end.

Whoever keeps something true beside executions adds a function to a table here. It is given every execution that ended
in one transaction, and its writes are committed with them or not at all.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Case, F, When
from django.db.models.functions import Now

from compositions import intents
from compositions.models import Execution, TaskToken
from compositions.models.executions import ExecutionStatus, TaskStatus


class Ended(NamedTuple):
    """An execution at its end; `output` is JSON or empty."""

    id: str
    composition: str
    status: str
    output: str
    error: str
    cause: str
    pipe: str
    intent: str
    parent: str
    parent_waits: bool
    ended_at: datetime


class Redriven(NamedTuple):
    id: str
    pipe: str
    intent: str


def tell_parents(ended: Sequence[Ended]) -> None:
    """A parent that waits for this end is due."""
    parents = {one.parent for one in ended if one.parent_waits}
    if parents:
        signal(parents)


def close_tasks(ended: Sequence[Ended]) -> None:
    """Nobody waits any more for the results of tasks of these executions."""
    left = TaskToken.objects.filter(execution__in=[one.id for one in ended], status=TaskStatus.WAITING)
    left.update(status=TaskStatus.CANCELLED, ended_at=ended[0].ended_at)


ENDINGS: tuple[Callable[[Sequence[Ended]], None], ...] = (tell_parents, close_tasks, intents.end)
REDRIVES: tuple[Callable[[Sequence[Redriven]], None], ...] = (intents.redriven,)


def end(ended: Sequence[Ended]) -> None:
    """To be called inside the transaction that writes these ends."""
    for ending in ENDINGS:
        ending(ended)


def signal(executions: set[str]) -> None:
    """Something happened that these executions may wait for: whoever owns one hears of it, the others are due."""
    Execution.objects.filter(pk__in=executions, status=ExecutionStatus.RUNNING).update(
        signals=F("signals") + 1,
        wake_at=Case(When(owner="", then=Now()), default=F("wake_at")),
    )
