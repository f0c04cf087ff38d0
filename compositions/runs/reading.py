"""What pages and REST say of runs: figures of the last while, and by stretch of time for a chart."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from compositions.models import CompositionRun, RunMinute
from controlplane.kernel import clock

from .figures import Figures, added, empty, told

HOUR = timedelta(hours=1)


def lately(slugs: Iterable[str] | None = None, span: timedelta = HOUR) -> dict[str, Figures]:
    """Figures of the last `span` by composition; those without runs are left out."""
    rows = RunMinute.objects.filter(at__gte=clock.now() - span).order_by()
    if slugs is not None:
        rows = rows.filter(composition__in=list(slugs))
    found: dict[str, list[list[int]]] = {}
    for slug, counts in rows.values_list("composition", "figures"):
        found.setdefault(slug, []).append(counts)
    return {slug: told(added(every)) for slug, every in found.items()}


def kept(slug: str, why: str = "") -> QuerySet[CompositionRun]:
    """Runs whose story is kept, newest first."""
    rows = CompositionRun.objects.filter(composition=slug)
    return rows.filter(why=why) if why else rows


def document(row: CompositionRun) -> dict[str, Any]:
    plain = ("version", "at", "ms", "status", "complete", "why", "calls")
    return {
        "id": row.pk,
        **{name: getattr(row, name) for name in plain},
        "error": row.error or None,
        "cause": row.cause or None,
    }


def minutes(slug: str, span: timedelta = HOUR) -> list[tuple[datetime, list[int]]]:
    """Counts of every minute of the last `span`, oldest first, without gaps."""
    until = clock.now().replace(second=0, microsecond=0)
    since = until - span
    rows = dict(RunMinute.objects.filter(composition=slug, at__gt=since).values_list("at", "figures"))
    steps = int(span / timedelta(minutes=1))
    ats = [since + timedelta(minutes=step + 1) for step in range(steps)]
    return [(at, rows.get(at) or empty()) for at in ats]
