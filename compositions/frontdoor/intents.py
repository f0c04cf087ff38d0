"""`/-/intents/{id}`: how an intent goes. Whoever knows its id may ask, for an id cannot be guessed."""

import json
from typing import Any

import msgspec

from breakers.delays import DelayDocs
from breakers.delays.conditional import matches, weak
from compositions.intake.desk import desk
from compositions.intake.ids import PATTERN
from compositions.models.intents import IntentStatus
from controlplane.config.feed import Snapshot
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import MethodNotAllowed, NotFound, Problem

from .answers import Reply
from .headers import RawHeaders, first
from .integrations.pipe import INTENTS

POLL_S, POLL_DELAYED_S = 2, 10
UNDER_WAY = (IntentStatus.ACCEPTED, IntentStatus.RUNNING)
# What a front end needs of its journey's flag; the flag's own address says the rest.
TOLD = ("journey", "delayed", "since", "severity", "message", "estimated_s", "retry")


async def intent_answer(
    method: str, path: str, language: str | None, headers: RawHeaders, snapshot: Snapshot, delays: DelayDocs
) -> Reply:
    """The answer; raises NotFound, MethodNotAllowed, or Unavailable while the database is away."""
    if method not in ("GET", "HEAD"):
        raise MethodNotAllowed(f"{method} is not possible here.")
    intent = path.removeprefix(INTENTS)
    row = await desk().find(intent) if PATTERN.fullmatch(intent) else None
    if row is None:
        raise NotFound("There is no such intent.")
    under_way = row["status"] in UNDER_WAY
    delay = _delay(row["pipe"], language, snapshot, delays) if under_way else None
    document = {
        "id": row["id"],
        "status": row["status"],
        "accepted_at": rfc3339(row["accepted_at"]),
        "outcome": None if under_way else _outcome(row),
        "delay": delay,
        "poll_after_s": None if not under_way else POLL_S if delay is None else POLL_DELAYED_S,
    }
    # An estimate that moves a little is no news.
    news = {**document, "delay": delay and {name: delay[name] for name in delay if name != "estimated_s"}}
    etag = weak(msgspec.json.encode(news))
    fields = [(b"etag", etag), (b"cache-control", b"private, no-cache")]
    tags = first(headers, b"if-none-match")
    if tags is not None and matches(tags.encode("latin-1"), etag):
        return Reply(304, fields)
    body = msgspec.json.encode(document)
    return Reply(200, [(b"content-type", b"application/json"), *fields], b"" if method == "HEAD" else body)


def _outcome(row: dict[str, Any]) -> dict[str, Any]:
    """When and how it ended, as far as its pipe tells."""
    told: dict[str, Any] = json.loads(row["outcome"]) if row["outcome"] else {}
    return {"ended_at": rfc3339(row["ended_at"]), **told}


def _delay(pipe: str, language: str | None, snapshot: Snapshot, delays: DelayDocs) -> dict[str, Any] | None:
    """What the flag of the pipe's journey says, while it is up."""
    terms = desk().terms(pipe, snapshot)
    try:
        document, _ = delays.find(journey=terms.journey if terms is not None else pipe, language=language)
    except Problem:  # no such journey, or nothing is loaded yet: then nobody is told of a delay
        return None
    told: dict[str, Any] = msgspec.json.decode(document.body)
    return {name: told.get(name) for name in TOLD} if told.get("delayed") else None
