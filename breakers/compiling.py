"""The protection floor's part of the configuration document: one piece a target, override, journey and delay word."""

from collections.abc import Iterator

from breakers.documents import journeys, rows
from breakers.documents.defaults import Document
from breakers.models import Journey, JourneyDelay, Override, Target
from controlplane.config.pieces import Piece
from controlplane.kernel.clock import to_ms


def pieces() -> Iterator[Piece]:
    for target in rows.targets():
        yield Piece("target", target.slug, target_body(target))
        override = getattr(target, "override", None)
        if override is not None:
            yield Piece("override", target.slug, override_body(override))
    for journey in Journey.objects.select_related("delay").prefetch_related("steps__target", "messages"):
        yield Piece("journey", journey.slug, journeys.document(journey))
        delay = getattr(journey, "delay", None)
        if delay is not None:
            yield Piece("delay", journey.slug, delay_body(delay))


def target_body(target: Target) -> Document:
    """The public document, with what only the data plane needs: which ledger of slots each contract has."""
    body = rows.document(target)
    for contract, row in zip(body["contracts"], target.contracts.all(), strict=True):
        contract["id"] = row.pk
        contract["created_at_ms"] = to_ms(row.created_at)
    body["cache"]["vary_headers"] = [name.lower() for name in body["cache"]["vary_headers"]]
    return body


def override_body(override: Override) -> Document:
    return {
        "state": override.state,
        "reason": override.reason,
        "by": override.by,
        "since_ms": to_ms(override.since),
        "expires_at_ms": None if override.expires_at is None else to_ms(override.expires_at),
    }


def delay_body(delay: JourneyDelay) -> Document:
    return {
        "delayed": delay.delayed,
        "message": delay.message,
        "severity": delay.severity,
        "reason": delay.reason,
        "by": delay.by,
        "since_ms": to_ms(delay.since),
        "expires_at_ms": None if delay.expires_at is None else to_ms(delay.expires_at),
    }
