"""Timestamps of the States Language: RFC 3339 with a capital T and a zone, to the nanosecond."""

import re
from datetime import UTC, datetime
from typing import Final

_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d(?::?\d\d)?)", re.ASCII
)
Moment = tuple[int, int]  # seconds since 1970, nanoseconds


def parse(text: object) -> Moment | None:
    """The moment, or None where the text is not a timestamp."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    zone = found[8]
    offset = 0
    if zone != "Z":
        digits = zone[1:].replace(":", "")
        offset = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:] or 0)
        offset = -offset if zone[0] == "-" else offset
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(whole.timestamp()) - offset, int((found[7] or "0").ljust(9, "0"))


def written(seconds: float) -> str:
    """A moment as the context object shows it, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
