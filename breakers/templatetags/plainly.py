"""How templates write times, numbers and charts; see breakers.panels.wording."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from breakers.panels import sparkline, wording
from breakers.panels.rows import Row
from breakers.panels.wording import Moment

register = template.Library()

register.filter("count", wording.count)
register.filter("span", wording.span)
register.filter("short_reason", wording.short_reason)


def _ms(at: datetime | float) -> float:
    return at.timestamp() * 1000 if isinstance(at, datetime) else float(at)


def _time(at_ms: float, text: str) -> SafeString:
    zone = timezone.get_current_timezone()
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, wording.exact(at_ms, zone), text)


@register.filter
def ago(at: datetime | float | None, now_ms: float | None = None) -> str:
    """A moment, told from the present: `4 min ago`, `in 42 s`; the exact time and zone on hover."""
    if not at:
        return ""
    at_ms = _ms(at)
    return _time(at_ms, wording.relative(at_ms, now_ms or time.time() * 1000))


@register.filter
def sentence(parts: Iterable[str | Moment]) -> str:
    """A sentence of a verdict, its moments with the exact time on hover."""
    rendered = ((_time(part.at_ms, part.text),) if isinstance(part, Moment) else (part,) for part in parts)
    return format_html_join("", "{}", rendered)


@register.filter
def latency(ms: float | str | None) -> str:
    """Empty for what was not measured, which templates hand over as an empty text."""
    return wording.latency(ms) if isinstance(ms, int | float) else ""


@register.filter
def share_of(part: float, whole: float) -> str:
    return wording.share(part, whole)


@register.filter
def per_second(calls: float, span_s: float = 60) -> str:
    return wording.rate(calls, span_s)


@register.filter
def listed(words: Sequence[Any]) -> str:
    return wording.listed([str(word) for word in words])


@register.simple_tag
def spark(row: Row) -> str:
    """Calls and failures of the last two minutes."""
    return mark_safe(sparkline.calls(row.series()))  # numbers and fixed words only


@register.simple_tag
def chart(row: Row, kind: str) -> str:
    """The larger charts of a circuit's page: calls or latencies of the last five minutes."""
    series = row.series(295)
    if kind == "calls":
        return mark_safe(sparkline.calls(series, width=600, height=90, size=5))
    return mark_safe(sparkline.latencies(series))


@register.filter
def drawn(svg: str) -> str:
    """A drawing of breakers.panels.charts, which has escaped what is in it."""
    return mark_safe(svg)


@register.filter
def coded(text: str) -> str:
    """A help text whose `words` in backquotes are values to be typed or chosen."""
    parts = str(text).split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", p) if i % 2 else p,) for i, p in enumerate(parts))
    )
