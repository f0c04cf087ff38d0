"""What executions of the last ten minutes cost, for metrics; and the forgetting of those that ended long ago."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Sum
from prometheus_client.core import Metric

from compositions.models import Execution, JournalEntry, TaskToken
from compositions.models.executions import ExecutionStatus
from controlplane.kernel import clock, metrics

LATELY = timedelta(minutes=10)
BATCH = 500


def families() -> Iterator[Metric]:
    """An entry of METRIC_SOURCES."""
    lately = Execution.objects.filter(ended_at__gte=clock.now() - LATELY).order_by()
    sums = list(lately.values_list("composition").annotate(done=Sum("calls_done"), undone=Sum("calls_undone")))
    yield metrics.SAGA_CALLS.family(
        sample for slug, done, undone in sums for sample in (([slug, "done"], done), ([slug, "undone"], undone))
    )


def prune() -> int:
    """Forget executions that ended more than EXECUTIONS_KEPT_DAYS ago, with their journals and tasks."""
    before = clock.now() - timedelta(days=settings.EXECUTIONS_KEPT_DAYS)
    ended = Execution.objects.filter(ended_at__lt=before).exclude(status=ExecutionStatus.COMPENSATION_FAILED)
    forgotten = 0
    while ids := list(ended.order_by("ended_at").values_list("pk", flat=True)[:BATCH]):
        JournalEntry.objects.filter(execution__in=ids)._raw_delete("default")  # nothing refers to these rows
        TaskToken.objects.filter(execution__in=ids).delete()
        forgotten += Execution.objects.filter(pk__in=ids).delete()[0]
    return forgotten
