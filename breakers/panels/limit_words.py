"""Plans, throttles and stages in one sentence each, and what differs between two of them; pure."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

from breakers.core.statements import sentence

from .wording import NBSP, count, listed

Document = Mapping[str, Any]

PERIODS = {"DAY": "day", "WEEK": "week", "MONTH": "month"}
STORE_AWAY = {
    "open": "while the store is away requests pass uncounted",
    "closed": "while the store is away requests are refused",
    "local": "while the store is away each front door gives its share",
}
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
            found["quota"] = quota(value)
        elif name == "statement":
            found["conditions"] = sentence(value)
        elif name == "overrides":
            for override in value:
                place = where(override.get("route"), override.get("method"))
                found[f"override {place}"] = pace(override["rate"], override.get("burst"))
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
    return number(value) if isinstance(value, int | float) else str(value)


def number(value: float) -> str:
    """A rate as it was stated: `100`, `0.5`, `12,500`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def pace(rate: float | None, burst: int | None) -> str:
    """`100 requests/s, bursts of 200`."""
    if rate is None:
        return "any rate"
    at_once = burst or max(1, ceil(rate))
    return f"{number(rate)}{NBSP}request{'' if rate == 1 else 's'}/s, bursts of {number(at_once)}"


def quota(stated: Document | None) -> str:
    """`10,000 requests a month (Europe/Vienna, from 06:00)`; empty without one."""
    if not stated:
        return ""
    zone, offset = stated.get("time_zone") or "UTC", stated.get("offset_h") or 0
    late = f", beginning {offset}{NBSP}h late" if offset else ""
    period = PERIODS.get(stated.get("period", ""), "period")
    return f"{number(stated['limit'])} requests a {period} ({zone}{late})"


def where(route: str | None, method: str | None) -> str:
    """`POST of articles`, `any method of articles`, `DELETE of any route`."""
    return f"{method or 'any method'} of {route or 'any route'}"


def plan(document: Document) -> str:
    parts = [pace(document.get("rate"), document.get("burst"))]
    if stated := document.get("quota"):
        parts.append(quota(stated))
    text = f"Each consumer may call at {' and at most '.join(parts)}"
    overrides: Sequence[Document] = document.get("overrides") or []
    if overrides:
        told = [f"{where(o.get('route'), o.get('method'))} {pace(o['rate'], o.get('burst'))}" for o in overrides]
        text += f"; {'; '.join(told[:3])}" + (f" and {count(len(told) - 3)} more overrides" if len(told) > 3 else "")
    stages = list(document.get("stages") or [])
    text += f". Keys open {_stages(stages)}" if stages else ". No key opens any stage"
    if document.get("mode") == "count":
        text += "; counting only: nothing is refused"
    return f"{text}; {STORE_AWAY.get(document.get('on_store_error', ''), STORE_AWAY['local'])}."


def throttle(document: Document) -> str:
    stage, scope = document.get("stage"), document["scope"]
    match scope:
        case "account":
            covered = "Everything that enters the front door"
        case "stage":
            covered = f"Everything that enters stage {stage}"
        case "route":
            covered = f"Route {document.get('route')}"
        case _:
            covered = where(document.get("route"), document.get("method"))
    if scope in ("route", "method"):
        covered += f" in stage {stage}" if stage else " in every stage"
    away = STORE_AWAY.get(document.get("on_store_error", ""), STORE_AWAY["local"])
    return f"{covered} shares {pace(document['rate'], document.get('burst'))}; {away}."


def stage(document: Document) -> str:
    hosts, path = list(document.get("hosts") or []), document.get("base_path") or "/"
    entry = f"Requests to {listed(hosts)}" if hosts else "Requests to any host"
    text = f"{entry}{'' if path == '/' else f' below {path}'} enter here"
    rate = document.get("rate")
    text += (
        f" and share {pace(rate, document.get('burst'))}" if rate is not None else " without a throttle of their own"
    )
    origins = list(document.get("allowed_origins") or [])
    if origins:
        text += "; any web page may call" if "*" in origins else f"; pages of {listed(origins)} may call"
    ttl = (document.get("cache") or {}).get("ttl_s") or 0
    if ttl:
        text += f"; answers are given again for {number(ttl)}{NBSP}s"
    if document.get("max_body_bytes") is not None:
        text += f"; bodies above {size(document['max_body_bytes'])} are refused"
    if rate is not None:
        text += f"; {STORE_AWAY.get(document.get('on_store_error', ''), STORE_AWAY['local'])}"
    return f"{text}."


def size(octets: int) -> str:
    """`512 bytes`, `64 KiB`, `1 MiB`."""
    for unit, name in ((1024**2, "MiB"), (1024, "KiB")):
        if octets >= unit and octets % unit == 0:
            return f"{number(octets // unit)}{NBSP}{name}"
    return f"{number(octets)}{NBSP}bytes"


def _stages(slugs: Sequence[str]) -> str:
    return f"stage{'' if len(slugs) == 1 else 's'} {listed(slugs)}"
