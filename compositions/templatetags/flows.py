"""How templates of the flow floor write shares, spans and places."""

from typing import Any

from django import template

from breakers.panels import wording
from compositions.panels.checked import as_json

register = template.Library()

register.filter("as_json", as_json)


@register.filter
def part(share: float | None) -> str:
    """`98 %`; a dash for none. What is not all is never called 100 %."""
    return "–" if share is None else wording.share(share if share == 1 else min(share, 0.994), 1)


@register.filter
def seconds(span_s: float | None) -> str:
    """`40 s`, `3 min`."""
    return "" if span_s is None else wording.span(span_s * 1000)


@register.filter
def state_name(path: str) -> str:
    """The name of the state at a place in a definition."""
    return path.rpartition("/States/")[2] or path


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def of(mapping: Any, name: str) -> Any:
    """A member whose name only the page knows."""
    return mapping.get(name)
