"""What of the flow needs somebody: sagas that could not be undone, dead letters, late tasks, no worker to go on."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from django.db import DatabaseError
from django.db.models import Count, Q
from prometheus_client.core import Metric

from compositions import backlogs
from compositions.models import Execution, Intent, Pipe, SagaWorker, TaskToken
from compositions.models.executions import ExecutionStatus, TaskStatus
from compositions.models.intents import IntentStatus
from controlplane.kernel import clock, metrics

Told = tuple[Literal["ok", "warning", "down"], str, Any]
# What is counted at all: ended executions and intents are many, and of no interest here.
STANDING = (ExecutionStatus.RUNNING, ExecutionStatus.COMPENSATION_FAILED)


class Attention(msgspec.Struct, frozen=True):
    """Counts. `work`: executions under way; `workers`: processes that carry them on, whose lease holds."""

    work: int = 0
    workers: int = 0
    not_undone: int = 0
    dead: int = 0
    waiting: int = 0
    late: int = 0

    def sentences(self) -> list[str]:
        said = []
        if self.not_undone:
            said.append(f"{self.not_undone} sagas could not undo what they had done")
        if self.work and not self.workers:
            said.append(f"no saga worker is alive, {self.work} executions wait")
        if self.dead:
            said.append(f"{self.dead} dead letters")
        if self.late:
            said.append(f"{self.late} tasks of people are late")
        return said


def attention() -> Attention:
    """Counted now. Raises DatabaseError."""
    now = clock.now()
    counts = dict(
        Execution.objects.filter(status__in=STANDING).order_by().values_list("status").annotate(count=Count("pk"))
    )
    tasks = TaskToken.objects.filter(manual=True, status=TaskStatus.WAITING).aggregate(
        waiting=Count("pk"), late=Count("pk", filter=Q(due_at__lt=now))
    )
    return Attention(
        work=counts.get(ExecutionStatus.RUNNING, 0),
        workers=SagaWorker.objects.filter(lease_until__gt=now, takes_up=True).count(),
        not_undone=counts.get(ExecutionStatus.COMPENSATION_FAILED, 0),
        dead=Intent.objects.filter(status=IntentStatus.DEAD).count(),
        waiting=tasks["waiting"],
        late=tasks["late"],
    )


def flow(fleet: list[dict[str, Any]] | None) -> dict[str, Told]:
    """An entry of HEALTH_SOURCES."""
    try:
        found = attention()
    except DatabaseError:
        return {}
    said = found.sentences()
    value = msgspec.to_builtins(found)
    return {
        "flow": ("warning", "; ".join(said), value) if said else ("ok", f"{found.work} executions under way", value)
    }


def families() -> Iterator[Metric]:
    """An entry of METRIC_SOURCES."""
    found = attention()
    standing = {"running": found.work, "compensation_failed": found.not_undone}
    yield metrics.EXECUTIONS.family([((status,), count) for status, count in standing.items()])
    pipes = backlogs.live(Pipe.objects.all())
    standing_of = {"waiting": "accepted", "running": "running", "dead": "dead"}
    yield metrics.INTENTS.family(
        [((slug, standing_of[name]), count) for slug, live in pipes.items() for name, count in live["backlog"].items()]
    )
    yield metrics.PIPE_STOPPED.family([((slug,), live["current_state"] == "STOPPED") for slug, live in pipes.items()])
    yield metrics.PIPE_OLDEST.family([((slug,), live["oldest_age_s"] or 0.0) for slug, live in pipes.items()])
    yield metrics.TASKS.family([(("waiting",), found.waiting), (("late",), found.late)])
    yield metrics.SAGA_WORKERS.family([((), found.workers)])
