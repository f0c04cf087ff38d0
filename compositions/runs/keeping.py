"""From notes in Valkey to rows, and how long rows are kept: failed, partial and slow runs longer than samples."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from django.conf import settings
from django.db import transaction

from compositions.models import CompositionRun, RunMinute
from compositions.models.runs import Why
from controlplane.kernel import clock, valkey

from . import figures, store
from .notes import Story

KEPT: Final = {
    Why.SAMPLE: timedelta(days=2),
    Why.SLOW: timedelta(days=14),
    Why.PARTIAL: timedelta(days=14),
    Why.FAILED: timedelta(days=30),
}
MINUTES_KEPT: Final = timedelta(days=14)
# Of each composition and kind; the newest.
MOST_OF_A_KIND: Final = 1000
ROWS: Final = 500


def drain() -> int:
    """Write down what front doors have handed on; returns how many stories. Does nothing while Valkey is away."""
    try:
        batches = store.take(valkey.shared(), settings.KEY_PREFIX)
    except valkey.Away:
        return 0
    minutes: dict[tuple[str, int], list[int]] = {}
    for batch in batches:
        for slug, minute, counts in batch.figures:
            minutes[slug, minute] = figures.added([minutes.get((slug, minute), ()), counts])
    stories = [story for batch in batches for story in batch.stories]
    with transaction.atomic():
        _add(minutes)
        CompositionRun.objects.bulk_create([_row(story) for story in stories], ROWS)
    return len(stories)


def prune(now: datetime | None = None, most: int = MOST_OF_A_KIND) -> None:
    """Forget what is older than it is kept, and the oldest of what there are too many of."""
    now = now or clock.now()
    for why, kept in KEPT.items():
        rows = CompositionRun.objects.filter(why=why)
        rows.filter(at__lt=now - kept).delete()
        for slug in rows.order_by().values_list("composition", flat=True).distinct():
            mine = rows.filter(composition=slug)
            oldest = mine.values_list("at", flat=True)[most : most + 1].first()
            if oldest is not None:
                mine.filter(at__lte=oldest).delete()
    RunMinute.objects.filter(at__lt=now - MINUTES_KEPT).delete()


def _add(minutes: dict[tuple[str, int], list[int]]) -> None:
    """Rows are made first and then locked, so that two writers take turns."""
    wanted = {(slug, datetime.fromtimestamp(minute * 60, UTC)): counts for (slug, minute), counts in minutes.items()}
    for some in _some(list(wanted)):
        new = [RunMinute(composition=slug, at=at, figures=figures.empty()) for slug, at in some]
        RunMinute.objects.bulk_create(new, ignore_conflicts=True)
        rows = RunMinute.objects.filter(composition__in={slug for slug, _ in some}, at__in={at for _, at in some})
        grown = []
        for row in rows.select_for_update().order_by("pk"):
            if (counts := wanted.get((row.composition, row.at))) is not None:
                row.figures = figures.added([row.figures, counts])
                grown.append(row)
        RunMinute.objects.bulk_update(grown, ["figures"], ROWS)


def _some(keys: list[tuple[str, datetime]]) -> Iterable[list[tuple[str, datetime]]]:
    return (keys[start : start + ROWS] for start in range(0, len(keys), ROWS))


def _row(story: Story) -> CompositionRun:
    return CompositionRun(
        composition=story.composition,
        version=story.version,
        at=datetime.fromtimestamp(story.at, UTC),
        ms=story.ms,
        status=story.status,
        complete=story.complete,
        why=story.why,
        error=story.error,
        cause=story.cause,
        calls=msgspec.to_builtins(story.calls),
        calls_left_out=story.calls_left_out,
    )
