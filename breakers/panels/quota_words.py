"""A consumer's quota as a bar and a sentence: what is used, and the day on which it ends at the present pace."""

from datetime import datetime
from zoneinfo import ZoneInfo

from breakers.usage import QuotaUse

from . import charts
from .wording import count, span


def quota_chart(use: QuotaUse, time_zone: str, now: datetime) -> charts.Chart:
    """The bar of one consumer's quota; its words are the whole sentence."""
    length = (use.resets_at - use.starts_at).total_seconds()
    return charts.quota(
        f"quota-{use.plan}-{use.consumer}",
        f"Quota of {use.consumer}",
        used=use.used,
        limit=use.limit + use.extra,
        elapsed=min(1.0, (now - use.starts_at).total_seconds() / length),
        forecast=_by_the_end(use, now),
        words=quota_words(use, time_zone, now),
    )


def quota_words(use: QuotaUse, time_zone: str, now: datetime) -> str:
    """`1,560,000 of 2,000,000 (78 %): at the present pace it ends on Tue 24 Nov, 6 d before it begins anew.`"""
    granted = use.limit + use.extra
    more = f", {count(use.extra)} of them granted in addition" if use.extra > 0 else ""
    told = f"{count(use.used)} of {count(granted)} ({use.share}{more})"
    anew = day(use.resets_at, time_zone, now)
    if use.left <= 0:
        return f"{told}: used up, begins anew {anew}."
    if use.ends_at is None:
        return f"{told}: lasts at the present pace; begins anew {anew}."
    early = span((use.resets_at - use.ends_at).total_seconds() * 1000)
    return f"{told}: at the present pace it ends {day(use.ends_at, time_zone, now)}, {early} before it begins anew."


def day(at: datetime, time_zone: str, now: datetime) -> str:
    """`today about 17:40`, `tomorrow`, `on Tue 24 Nov`: by the calendar of the quota."""
    zone = ZoneInfo(time_zone)
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"today about {local:%H:%M}"
    if (local.date() - today).days == 1:
        return f"tomorrow about {local:%H:%M}"
    return f"on {local:%a} {local.day} {local:%b}"


def _by_the_end(use: QuotaUse, now: datetime) -> float | None:
    """What will be used when the period ends, where that is more than what is granted."""
    if use.ends_at is None or use.left <= 0:
        return None
    lasts = max(1.0, (use.ends_at - now).total_seconds())
    return use.used + use.left / lasts * (use.resets_at - now).total_seconds()
