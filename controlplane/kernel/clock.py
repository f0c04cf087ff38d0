"""The wall clock and the two ways this product writes a time: RFC 3339 in UTC, and milliseconds since the epoch."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def rfc3339(moment: datetime | int | None) -> str | None:
    """`2026-05-04T10:20:30.123Z`, from an aware datetime or from milliseconds; None stays None."""
    if moment is None:
        return None
    if isinstance(moment, int):
        moment = from_ms(moment)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_micros(moment: datetime) -> str:
    """RFC 3339 with microseconds: exact, for hashing."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
