"""Reads what pages show: targets and orders from the newest configuration, circuits and workers from the store.

The store's last answer is kept in this process: when it is away, pages show that one and say how old it is.
"""

import time
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest

from breakers.core.settings import Override, TargetSettings, parse_target
from breakers.models import Override as OverrideRow
from breakers.models import Target
from breakers.store.board import BoardReading, CircuitReading, kept_answers, read_board
from breakers.store.fleet import Worker
from controlplane.config import reading
from controlplane.config.pieces import Piece
from controlplane.kernel.valkey import shared

from .rows import Row
from .verdict import Fleet

_KEPT = "_switchgear_board"
_last: BoardReading | None = None


class JourneyFacts(msgspec.Struct):
    """A journey as the configuration has it, and an operator's word on it, if it still binds."""

    slug: str
    title: str
    severity: str
    targets: list[str]
    messages: dict[str, str]
    delay: dict[str, Any] | None = None


class Board(msgspec.Struct):
    """Everything that the pages of one moment show. `now_ms` is the present, by the store's clock if it answers."""

    version: int
    now_ms: float
    ok: bool
    read_ms: float | None
    rows: list[Row]
    fleet: Fleet
    workers: list[Worker]
    waiting: int | None
    journeys: dict[str, JourneyFacts]

    def applied(self, version: int) -> tuple[int, int]:
        """(front doors that apply at least this version, front doors that are alive)."""
        return BoardReading(True, self.read_ms or 0, workers=self.workers).applied(version)

    def row(self, slug: str) -> Row | None:
        return next((row for row in self.rows if row.slug == slug), None)


def board_of(request: HttpRequest) -> Board:
    """The board of this request: read once, however many panels show it."""
    found: Board | None = getattr(request, _KEPT, None)
    if found is None:
        found = read()
        setattr(request, _KEPT, found)
    return found


def read() -> Board:
    version, manifest, fetch = reading.present()
    pieces = list(fetch(sorted(set(manifest.values()))).values())
    targets = {piece.slug: _parse(piece) for piece in pieces if piece.kind == "target"}
    orders = {piece.slug: msgspec.convert(piece.body, Override) for piece in pieces if piece.kind == "override"}
    revisions = dict(OverrideRow.objects.values_list("target__slug", "revision"))
    journeys = _journeys(pieces)
    found, now_ms = _read_store(list(targets))
    rows = [
        _row(
            settings_,
            found.circuit(slug),
            found.at_ms,
            order=orders.get(slug),
            revision=revisions.get(slug),
            body=body,
            journeys=[journey.title for journey in journeys.values() if slug in journey.targets],
        )
        for slug, (settings_, body) in targets.items()
    ]
    read_ms = found.at_ms if found.ok else None
    ok = found.ok and found.at_ms == now_ms
    return Board(
        version=version,
        now_ms=now_ms,
        ok=ok,
        read_ms=read_ms,
        rows=rows,
        fleet=_fleet(found, version, ok=ok, read_ms=read_ms),
        workers=sorted(found.workers, key=lambda worker: (worker.kind, worker.id)),
        waiting=found.waiting,
        journeys=journeys,
    )


def _read_store(slugs: list[str]) -> tuple[BoardReading, float]:
    """The newest reading, and the present: the two differ when the store is away and an older reading stands in."""
    global _last
    celery: dict[str, Any] = settings.CELERY
    queue = celery["broker_transport_options"]["global_keyprefix"] + celery["task_default_queue"]
    found = read_board(shared(), settings.KEY_PREFIX, slugs, queue=queue)
    if found.ok:
        _last = found
        return found, found.at_ms
    return _last or found, time.time() * 1000


def forget() -> None:
    """Drop the reading that stands in while the store is away."""
    global _last
    _last = None


def _fleet(found: BoardReading, version: int, *, ok: bool, read_ms: float | None) -> Fleet:
    applied, alive = found.applied(version)
    return Fleet(
        expected=settings.FRONTDOOR_WORKERS,
        alive=alive,
        applied=applied,
        version=version,
        beat_ms=found.beat_ms,
        store_ok=ok,
        read_ms=read_ms,
    )


@lru_cache(maxsize=4096)
def _parsed(digest: str, text: bytes) -> TargetSettings:
    return parse_target(msgspec.json.decode(text))


def _parse(piece: Piece) -> tuple[TargetSettings, dict[str, Any]]:
    body = piece.body | {"slug": piece.slug}
    return _parsed(piece.digest, msgspec.json.encode(body)), body


def _row(
    target: TargetSettings,
    circuit: CircuitReading,
    at_ms: float,
    *,
    order: Override | None,
    revision: int | None,
    body: dict[str, Any],
    journeys: list[str],
) -> Row:
    return Row(
        settings=target,
        reading=circuit,
        now_ms=at_ms,
        override=order,
        override_revision=revision,
        owner=body.get("owner", ""),
        team=body.get("team", ""),
        contact=body.get("contact", ""),
        tags=body.get("tags", []),
        journeys=journeys,
    )


def _journeys(pieces: list[Piece]) -> dict[str, JourneyFacts]:
    words = {piece.slug: piece.body for piece in pieces if piece.kind == "delay"}
    return {
        piece.slug: JourneyFacts(
            slug=piece.slug,
            title=piece.body.get("title") or piece.slug,
            severity=piece.body.get("severity", "warning"),
            targets=list(piece.body.get("targets", [])),
            messages=dict(piece.body.get("messages", {})),
            delay=words.get(piece.slug),
        )
        for piece in sorted(pieces, key=lambda piece: piece.slug)
        if piece.kind == "journey"
    }


def kept(slug: str) -> int | None:
    """How many answers of a target are in the cache; None when that is not known."""
    return kept_answers(shared(), settings.KEY_PREFIX, slug)


def target_of(slug: str) -> Target | None:
    """The row of a target: what the configuration document does not carry (description, links)."""
    return Target.objects.filter(slug=slug).first()
