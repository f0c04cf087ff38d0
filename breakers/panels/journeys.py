"""What customers are told: every journey with its delay flag as front ends read it at this moment."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from breakers.delays import DelayDocs
from controlplane.kernel.errors import Problem

from .board import Board, JourneyFacts
from .rows import Row

LANGUAGE = "en"


class JourneyRow(msgspec.Struct):
    """`banner` is what customers read now by language; None for `delayed` when the flag could not be read."""

    facts: JourneyFacts
    targets: list[Row]
    missing: list[str]
    delayed: bool | None
    since: datetime | None
    severity: str
    banner: Mapping[str, str]
    stale: bool
    word: dict[str, Any] | None

    @property
    def stopped(self) -> list[Row]:
        return [row for row in self.targets if row.stopped]


def journey_rows(board: Board, documents: DelayDocs) -> list[JourneyRow]:
    """All journeys, the delayed ones first."""
    rows = [journey_row(board, facts, documents) for facts in board.journeys.values()]
    return sorted(rows, key=lambda row: (not row.delayed, row.facts.title.lower()))


def journey_row(board: Board, facts: JourneyFacts, documents: DelayDocs) -> JourneyRow:
    told = {language: _told(documents, facts.slug, language) for language in (facts.messages or {LANGUAGE: ""})}
    first = next(iter(told.values()))
    entry = first["journeys"][0] if first else {}
    found = [(slug, board.row(slug)) for slug in facts.targets]
    word = facts.delay
    if word and word["expires_at_ms"] and word["expires_at_ms"] <= board.now_ms:
        word = None
    return JourneyRow(
        facts=facts,
        targets=[row for _, row in found if row],
        missing=[slug for slug, row in found if not row],
        delayed=entry.get("delayed"),
        since=datetime.fromisoformat(entry["since"]) if entry.get("since") else None,
        severity=entry.get("severity") or facts.severity,
        banner={
            language: document["journeys"][0]["message"]
            for language, document in told.items()
            if document and document["journeys"][0]["message"]
        },
        stale=bool(first and first["stale"]),
        word=word,
    )


def _told(documents: DelayDocs, slug: str, language: str) -> dict[str, Any] | None:
    try:
        _, _, body = documents.respond(journey=slug, language=language)
    except Problem:  # not loaded yet, or registered a moment ago
        return None
    document: dict[str, Any] = json.loads(body)
    return document
