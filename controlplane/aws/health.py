"""How what is held at AWS fares, for /readyz and the board. It is never `down`: circuits do without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from django.db import DatabaseError
from prometheus_client.core import Metric

from controlplane.aws.models import Holding
from controlplane.kernel import clock, metrics

Told = tuple[Literal["ok", "warning", "down"], str, Any]
MOST_NAMED = 3
STATUSES = ("reached", "on the way", "failing")
LATE_S = 120.0  # on the way for so long, it may never arrive


def held(fleet: list[dict[str, Any]] | None) -> dict[str, Told]:
    """Nothing is said when nothing is held."""
    try:
        rows = list(Holding.objects.all())
    except DatabaseError:
        return {}
    if not rows:
        return {}
    troubled = _troubled(rows)
    value = {"held": len(rows), "reached": sum(row.reached for row in rows), "failing": len(troubled)}
    if troubled:
        return {"aws": ("warning", _said(troubled), value)}
    return {"aws": ("ok", f"{value['reached']} of {len(rows)} hold", value)}


def warning() -> str:
    """One sentence for people when something does not hold as it should, else nothing."""
    try:
        troubled = _troubled(Holding.objects.filter(reached=False) | Holding.objects.exclude(error=""))
    except DatabaseError:
        return ""
    return f"At AWS {_said(troubled)}." if troubled else ""


def families() -> Iterator[Metric]:
    """An entry of METRIC_SOURCES."""
    counts = Counter(row.status for row in Holding.objects.all())
    yield metrics.AWS_HELD.family([((status,), counts[status]) for status in STATUSES])


def _troubled(rows: Iterable[Holding]) -> list[str]:
    now = clock.now()
    return [
        f"{row.title} ({row.error.rstrip('.') or f'{row.actual} since {row.since:%H:%M} UTC'})"
        for row in rows
        if row.error or row.late(now, LATE_S)
    ]


def _said(troubled: list[str]) -> str:
    more = f", and {len(troubled) - MOST_NAMED} more" if len(troubled) > MOST_NAMED else ""
    return f"what should hold does not: {'; '.join(troubled[:MOST_NAMED])}{more}"
