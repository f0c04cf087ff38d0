"""What differs between two documents of a noun, in the words of its form; pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from breakers.core import sentences
from breakers.core.statements import sentence

Document = Mapping[str, Any]

UNITS = {
    "rate": "requests/s",
    "burst": "requests",
    "ttl_s": "s",
    "max_body_bytes": "bytes",
    "max_header_bytes": "bytes",
}


class Changed(NamedTuple):
    """A field that differs. Empty stands for "was not there"."""

    field: str
    before: str
    after: str


def changes(before: Document, after: Document) -> list[Changed]:
    """What differs between two documents of a noun, in their order; quotas, overrides and conditions as a whole."""
    old, new = _told(before), _told(after)
    fields = dict.fromkeys([*new, *old])
    return [Changed(f, old.get(f, ""), new.get(f, "")) for f in fields if old.get(f, "") != new.get(f, "")]


def _told(document: Document) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in document.items():
        if name == "quota":
            found["quota"] = sentences.quota(value) if value else ""
        elif name == "statement":
            found["conditions"] = sentence(value)
        elif name == "overrides":
            for override in value:
                found[f"override {sentences.place(override)}"] = sentences.pace(override["rate"], override.get("burst"))
        elif isinstance(value, Mapping):
            found |= {f"{name}: {inner}": text for inner, text in _told(value).items()}
        else:
            unit = f" ({UNITS[name]})" if name in UNITS else ""
            bare = name.removesuffix("_s").removesuffix("_bytes").replace("_", " ")
            found[f"{bare}{unit}"] = _value(value)
    return found


def _value(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    if isinstance(value, int | float):
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"
    return str(value)
