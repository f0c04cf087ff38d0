"""What a sampled request may show: never a credential, and nothing that looks like one."""

import re
from typing import Any
from urllib.parse import parse_qsl

from breakers.core.statements import Traits
from breakers.core.statements.traits import text_of

HIDDEN = "(hidden)"
MOST_FIELDS = 30
LONGEST = 200

SENSITIVE_HEADERS = frozenset(
    (
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-csrftoken",
        "x-xsrf-token",
    )
)
# Names of parameters and fields whose values are likely secrets.
SECRETIVE = re.compile(
    r"(?:^|[-_.])(?:auth\w*|code|credentials?|jwt|key|otp|pass(?:code|phrase)?|pin|pwd|sid|sig|state|ticket)(?:$|[-_.])"
    r"|api_?key|cookie|passw|secret|session|signature|token",
    re.IGNORECASE,
)


def sample(traits: Traits, *, at_ms: float, outcome: str, count: int | None) -> dict[str, Any]:
    """The request as people may see it; `count` is what a rate rule had counted with it."""
    return {
        "at_ms": round(at_ms),
        "outcome": outcome,
        "method": traits.method[:20],
        "path": _cut(traits.path),
        "query": shown_query(traits.query),
        "headers": shown_headers(traits),
        "ip": traits.peer,
        "forwarded_ip": traits.client,
        "stage": traits.stage,
        "route": traits.route,
        "key": traits.key,
        "consumer": traits.consumer,
        "labels": sorted(traits.labels),
        "count": count,
    }


def shown_query(query: str) -> list[list[str]]:
    pairs = parse_qsl(query[:4096], keep_blank_values=True) if query else []
    return [[_cut(name), HIDDEN if SECRETIVE.search(name) else _cut(value)] for name, value in pairs[:MOST_FIELDS]]


def shown_headers(traits: Traits) -> list[list[str]]:
    shown = []
    for raw_name, raw_value in traits.headers[:MOST_FIELDS]:
        name = raw_name.decode("latin-1")
        if name in SENSITIVE_HEADERS or SECRETIVE.search(name):
            value = HIDDEN
        else:
            value = text_of(raw_value)
            if "?" in value and name in ("referer", "origin"):
                value = value.partition("?")[0] + "?" + HIDDEN
        shown.append([_cut(name), _cut(value)])
    return shown


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
