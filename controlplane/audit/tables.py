"""Documents and their changes as tables for people; read only, and escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from controlplane.audit.diff import differences

NOTHING = "–"


def changes(before: Any, after: Any) -> SafeString | str:
    """What an act changed: field, before, after. A document that was made or deleted has one column only."""
    found = differences(before, after)
    if not found:
        return "Nothing."
    if before is None or after is None:
        document = after if before is None else before
        return facts(document)
    rows = format_html_join(
        "",
        "<tr><th scope='row'>{}</th><td><del>{}</del></td><td><ins>{}</ins></td></tr>",
        ((each.path, _or_nothing(each.before), _or_nothing(each.after)) for each in found),
    )
    return _table(("Field", "Before", "After"), rows)


def facts(document: Any) -> SafeString | str:
    """A document as one line a field."""
    found = differences(None, document)
    if not found:
        return "Nothing."
    rows = format_html_join(
        "", "<tr><th scope='row'>{}</th><td>{}</td></tr>", ((each.path or "value", each.after or "") for each in found)
    )
    return _table(("Field", "Value"), rows)


def records(entries: Iterable[Any]) -> SafeString | str:
    """A list of objects as a table, with a column for each name that any of them has."""
    known = [entry if isinstance(entry, dict) else {"value": entry} for entry in entries]
    if not known:
        return "None."
    names = list(dict.fromkeys(name for entry in known for name in entry))
    rows = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((_plain(entry.get(name)),) for name in names)),) for entry in known),
    )
    return _table([name.replace("_", " ") for name in names], rows)


def _table(titles: Iterable[str], rows: SafeString) -> SafeString:
    heads = format_html_join("", "<th scope='col'>{}</th>", ((title,) for title in titles))
    return format_html(
        "<div class='scroll'><table class='record'><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        heads,
        rows,
    )


def _or_nothing(text: str | None) -> str:
    return NOTHING if text is None else text


def _plain(value: Any) -> str:
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
