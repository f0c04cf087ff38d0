"""Numbers, spans and moments as a tired person reads them; pure, the present is a parameter."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

NBSP = "\u00a0"  # keeps a number and its unit on one line


class Moment(NamedTuple):
    """A time inside a sentence: pages show `text` and carry the exact time behind it."""

    at_ms: float
    text: str

    def __str__(self) -> str:
        return self.text


def span(ms: float) -> str:
    """`42 s`, `4 min`, `1 h 20 min`, `3 d 4 h`: two units at most, none that says nothing."""
    seconds = max(0, round(abs(ms) / 1000))
    if seconds < 120:
        return f"{seconds}{NBSP}s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes}{NBSP}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{NBSP}h {minutes}{NBSP}min" if minutes else f"{hours}{NBSP}h"
    days, hours = divmod(hours, 24)
    return f"{days}{NBSP}d {hours}{NBSP}h" if hours else f"{days}{NBSP}d"


def relative(at_ms: float, now_ms: float) -> str:
    """`4 min ago`, `in 42 s`, `now`."""
    apart = at_ms - now_ms
    if abs(apart) < 1000:
        return "now"
    return f"in {span(apart)}" if apart > 0 else f"{span(apart)} ago"


def _local(at_ms: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, zone)


def clock(at_ms: float, now_ms: float, zone: tzinfo = UTC) -> str:
    """`03:12`, and with the day when that is not today."""
    at, now = _local(at_ms, zone), _local(now_ms, zone)
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at.day} {at:%b %H:%M}"


def exact(at_ms: float, zone: tzinfo = UTC) -> str:
    """`Sunday, 22 November 2026, 03:12:07 UTC`."""
    at = _local(at_ms, zone)
    return f"{at:%A}, {at.day} {at:%B %Y, %H:%M:%S %Z}"


def since(at_ms: float, now_ms: float, zone: tzinfo = UTC) -> Moment:
    """`03:12 (4 min)`."""
    return Moment(at_ms, f"{clock(at_ms, now_ms, zone)} ({span(now_ms - at_ms)})")


def until(at_ms: float, now_ms: float, zone: tzinfo = UTC) -> Moment:
    """`03:45 (28 min left)`."""
    return Moment(at_ms, f"{clock(at_ms, now_ms, zone)} ({span(max(0, at_ms - now_ms))} left)")


def count(number: float) -> str:
    """`0`, `1,234`, `12,300`, `1.2 M`: three figures that matter."""
    whole = round(number)
    if whole < 10_000:
        return f"{whole:,}"
    if whole < 1_000_000:
        return f"{round(whole, -2):,}"
    return f"{whole / 1_000_000:.1f}{NBSP}M"


def things(number: float, one: str, many: str = "") -> str:
    """`1 request`, `212 requests`."""
    return f"{count(number)} {one if round(number) == 1 else many or one + 's'}"


def share(part: float, whole: float) -> str:
    """`0 %`, `<0.1 %`, `0.4 %`, `37 %`; empty where there was nothing to divide."""
    if not whole:
        return ""
    percent = 100 * part / whole
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f}{NBSP}%"
    return f"<0.1{NBSP}%" if percent < 0.1 else f"{percent:.1f}{NBSP}%"


def latency(ms: float | None) -> str:
    """`0.4 ms`, `42 ms`, `1.2 s`; empty where nothing was measured."""
    if ms is None:
        return ""
    if ms >= 999.5:
        return f"{ms / 1000:.1f}{NBSP}s"
    return f"{ms:.0f}{NBSP}ms" if ms >= 9.95 else f"{ms:.1f}{NBSP}ms"


def rate(calls: float, span_s: float) -> str:
    """Calls a second: `0`, `0.3`, `4.2`, `180`."""
    value = calls / span_s
    if value == 0:
        return "0"
    return "<0.1" if value < 0.05 else f"{value:.1f}" if value < 9.95 else count(value)


def listed(words: Sequence[str], most: int = 3) -> str:
    """`A`, `A and B`, `A, B and C`, `A, B, C and 4 more`."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def short_reason(reason: str) -> str:
    """A policy's reason without the threshold, which the circuit's page shows beside it."""
    return reason.partition(" (threshold")[0]
