"""From counts in Valkey to rows: minutes for two days, hours for ninety, days for ever; and when keys were last used.

Every step may be repeated and may be done by two at once: a minute is written as its whole count and never shrinks, an
hour is the sum of its minutes, a day the sum of its hours. A minute stays marked until it was written as it then was.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Q, Sum

from breakers.models import ApiKey, RuleCount, UsageCount
from breakers.models.usage import Span
from breakers.store.usage import SECONDS_KEPT, Series, UsageReading
from controlplane.kernel import clock, valkey

KEPT = {Span.MINUTE: timedelta(hours=48), Span.HOUR: timedelta(days=90)}
MINUTES_A_TIME = 10
ROWS = 500
USED_APART = timedelta(seconds=60)

Name = tuple[str, ...]
Figures = tuple[int, int]  # count, and the most within one second
COLUMNS: dict[type[models.Model], tuple[str, ...]] = {
    UsageCount: ("consumer", "plan", "outcome"),
    RuleCount: ("rule", "outcome"),
}


def roll_up() -> int:
    """Write down the minutes before this one that have grown; returns how many. Does nothing while Valkey is away."""
    store = UsageReading(valkey.shared(), settings.KEY_PREFIX)
    try:
        present = valkey.server_ms(valkey.shared()) // 60_000
        past = [(minute, mark) for minute, mark in store.marked().items() if minute < present]
        marks = dict(past[:MINUTES_A_TIME])
        for minute, mark in marks.items():
            _write(store, minute)
            store.settle_minutes({minute: mark})
    except valkey.Away:
        return 0
    return len(marks)


def note_used() -> int:
    """Write when keys were last used, where that is a minute or more after what is written; returns how many."""
    store = UsageReading(valkey.shared(), settings.KEY_PREFIX)
    try:
        used = store.used()
    except valkey.Away:
        return 0
    written = 0
    ids = sorted(used)
    for start in range(0, len(ids), ROWS):
        for id, known in ApiKey.objects.filter(pk__in=ids[start : start + ROWS]).values_list("pk", "last_used_at"):
            at = datetime.fromtimestamp(used[id], UTC)
            if known is None or at - known >= USED_APART:
                older = Q(last_used_at=None) | Q(last_used_at__lt=at)
                written += ApiKey.objects.filter(older, pk=id).update(last_used_at=at)
    try:
        store.settle_used(used)
    except valkey.Away:
        pass
    return written


def prune(now: datetime | None = None) -> None:
    """Forget minutes and hours that are older than KEPT."""
    now = now or clock.now()
    for span, kept in KEPT.items():
        UsageCount.objects.filter(span=span, at__lt=now - kept).delete()
        RuleCount.objects.filter(span=span, at__lt=now - kept).delete()


def _write(store: UsageReading, minute: int) -> None:
    series, rules = store.minute(minute)
    peaks = _peaks(store, minute)
    at = datetime.fromtimestamp(minute * 60, UTC)
    with transaction.atomic():
        _grow(UsageCount, at, {name: (count, peaks.get(name, 0)) for name, count in series.items()})
        _grow(RuleCount, at, {name: (count, 0) for name, count in rules.items()})


def _peaks(store: UsageReading, minute: int) -> dict[Series, int]:
    """The most requests of each series within one second, as far as seconds are still kept."""
    peaks: dict[Series, int] = {}
    if minute * 60 < clock.now_ms() / 1000 - SECONDS_KEPT:
        return peaks
    for counts in store.seconds(range(minute * 60, minute * 60 + 60)).values():
        for name, count in counts.items():
            peaks[name] = max(count, peaks.get(name, 0))
    return peaks


def _grow(model: type[models.Model], minute: datetime, found: Mapping[Any, Figures]) -> None:
    names: list[Name] = sorted(found)
    hour, day = minute.replace(minute=0), minute.replace(hour=0, minute=0)
    for start in range(0, len(names), ROWS):
        some = names[start : start + ROWS]
        _raise(model, Span.MINUTE, minute, {name: found[name] for name in some})
        _raise(model, Span.HOUR, hour, _sums(model, Span.MINUTE, hour, timedelta(hours=1), some))
        _raise(model, Span.DAY, day, _sums(model, Span.HOUR, day, timedelta(days=1), some))


def _sums(
    model: type[models.Model], span: Span, since: datetime, length: timedelta, names: Iterable[Name]
) -> dict[Name, Figures]:
    columns = COLUMNS[model]
    wanted = set(names)
    rows = model._default_manager.filter(span=span, at__gte=since, at__lt=since + length)
    first = {name[0] for name in wanted}
    rows = rows.filter(**{f"{columns[0]}__in": first}).order_by()
    peak = Max("peak_per_s") if model is UsageCount else Max("count")
    sums = rows.values_list(*columns).annotate(total=Sum("count"), peak=peak)
    return {tuple(name): (int(total), int(top)) for *name, total, top in sums if tuple(name) in wanted}


def _raise(model: type[models.Model], span: Span, at: datetime, figures: Mapping[Name, Figures]) -> None:
    """Set counts that are lower than these to these. Rows are made first and then locked, so two writers take turns."""
    columns = COLUMNS[model]
    new = [model(span=span, at=at, **dict(zip(columns, name, strict=True))) for name in figures]
    model._default_manager.bulk_create(new, ignore_conflicts=True)
    rows = model._default_manager.filter(span=span, at=at, **{f"{columns[0]}__in": {name[0] for name in figures}})
    grown = []
    for row in rows.select_for_update().order_by("pk"):
        count, peak = figures.get(tuple(getattr(row, column) for column in columns), (0, 0))
        fields = {"count": count, "peak_per_s": peak} if model is UsageCount else {"count": count}
        if any(getattr(row, field) < value for field, value in fields.items()):
            for field, value in fields.items():
                setattr(row, field, max(value, getattr(row, field)))
            grown.append(row)
    model._default_manager.bulk_update(grown, ["count", "peak_per_s"] if model is UsageCount else ["count"], ROWS)
