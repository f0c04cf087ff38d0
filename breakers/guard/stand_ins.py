"""Answers given in place of a call: the last good one with its age, or the static one of the target."""

import json

from .cache import Entry
from .circuits import Guarded
from .messages import Answer


def cached(entry: Entry, guarded: Guarded, now_ms: float) -> Answer:
    age_s = max(0.0, (now_ms - entry.stored_at_ms) / 1000)
    fresh = age_s < guarded.settings.cache.ttl_s
    return Answer(
        entry.status, entry.headers, entry.body, source="cache", age_s=age_s, fresh=fresh, breaker=guarded.state
    )


def static(guarded: Guarded) -> Answer | None:
    """`fallback.static`: {"status", "content_type", "body"}; a body that is not text is sent as JSON."""
    given = guarded.settings.fallback.static
    if given is None:
        return None
    body = given.get("body", "")
    text = isinstance(body, str)
    content_type = given.get("content_type") or ("text/plain; charset=utf-8" if text else "application/json")
    return Answer(
        status=int(given.get("status", 200)),
        headers=[("content-type", content_type)],
        body=body.encode() if text else json.dumps(body).encode(),
        source="static",
        age_s=0.0,
        breaker=guarded.state,
    )
