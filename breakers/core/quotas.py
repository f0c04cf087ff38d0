"""Quota arithmetic: when a period begins and ends by the wall clock of a time zone, and how much to draw ahead of use.

Periods begin at the calendar's begin (midnight, Monday midnight, midnight of the 1st) plus whole hours, all by the wall
clock, so a day in spring may have 23 hours and one in autumn 25. A begin that the clocks skip comes later by as much as
they skip (PEP 495, fold 0; Java and PostgreSQL read it alike); of a begin that comes twice, the first counts. The hours
shift every begin alike, so any number of them gives periods without gaps or overlaps; more hours than the shortest
month has only mean that a month's period begins in the month after.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

PeriodKind = Literal["DAY", "WEEK", "MONTH"]
OnStoreError = Literal["open", "closed", "local"]

# Units are drawn for about so long ahead, but never more than one in SHARE of what is left: nobody sits on the last.
AHEAD_S = 1.0
SHARE = 8
LARGEST_DRAW = 1_000_000
# A draw that was used up faster than this is taken for a demand that still grows.
SHORTEST_LASTED_S = 0.05


class QuotaTerms(msgspec.Struct, frozen=True, cache_hash=True):
    """One consumer's quota under one plan, as the plan now says it."""

    consumer: str
    plan: str
    limit: int
    period: PeriodKind = "MONTH"
    time_zone: str = "UTC"
    offset_h: int = 0
    on_store_error: OnStoreError = "local"

    @property
    def name(self) -> tuple[str, str]:
        return self.consumer, self.plan


def period(at: datetime, kind: PeriodKind, time_zone: str = "UTC", offset_h: int = 0) -> tuple[datetime, datetime]:
    """The period that holds `at` (aware): its begin, and its end, which is the next one's begin. Both in UTC."""
    zone = ZoneInfo(time_zone)
    shift = timedelta(hours=offset_h)
    begin_of, step = CALENDAR[kind]
    day = begin_of((at.astimezone(zone).replace(tzinfo=None) - shift).date())
    # The wall clock may have been set since that day began: look one period to either side.
    while _instant(day, shift, zone) > at:
        day = step(day, -1)
    while _instant(after := step(day, 1), shift, zone) <= at:
        day = after
    return _instant(day, shift, zone), _instant(after, shift, zone)


@lru_cache(maxsize=4096)
def period_ms(kind: PeriodKind, time_zone: str, offset_h: int, minute: int) -> tuple[float, float]:
    """`period` in ms since the epoch, of the moment at which that minute since the epoch begins."""
    start, end = period(datetime.fromtimestamp(minute * 60, UTC), kind, time_zone, offset_h)
    return start.timestamp() * 1000, end.timestamp() * 1000


def _instant(day: date, shift: timedelta, zone: ZoneInfo) -> datetime:
    return (datetime(day.year, day.month, day.day) + shift).replace(tzinfo=zone).astimezone(UTC)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _first(day: date) -> date:
    return day.replace(day=1)


def _months(day: date, count: int) -> date:
    month = day.year * 12 + day.month - 1 + count
    return date(month // 12, month % 12 + 1, 1)


# Kind -> the calendar's begin of the period that holds a day, and the begin so many periods later.
CALENDAR: dict[PeriodKind, tuple[Callable[[date], date], Callable[[date, int], date]]] = {
    "DAY": (lambda day: day, lambda day, count: day + timedelta(days=count)),
    "WEEK": (_monday, lambda day, count: day + timedelta(weeks=count)),
    "MONTH": (_first, _months),
}


def draw(left: int, waiting: int, ahead: int) -> int:
    """How many of the `left` units to draw: what requests wait for, or `ahead` while no more than a share of the rest.

    Requests that wait get what is there, first come, first served; only what is kept in stock is held down towards the
    end, so that the last units go to whoever asks, wherever it asks.
    """
    if left <= 0:
        return 0
    return min(left, max(waiting, min(ahead, left // SHARE)))


def next_draw(ahead: int, used: int, lasted_s: float) -> int:
    """How many to hold next time, after `used` units lasted so long: a second's worth, at most twice as many as now."""
    pace = ceil(used * AHEAD_S / max(lasted_s, SHORTEST_LASTED_S))
    return max(1, min(pace, 2 * ahead, LARGEST_DRAW))
