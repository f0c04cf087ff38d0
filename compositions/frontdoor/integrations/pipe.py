"""Takes a request's body as an intent: 202 with its id once it is committed, and where to ask how it goes.

https://www.rfc-editor.org/rfc/rfc9110#section-15.3.3. The same Idempotency-Key and body are answered alike for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from breakers.guard.messages import Answer
from compositions.engine.flow import Flow
from compositions.intake.desk import desk
from compositions.intake.errors import NotAccepted

from ..matching import Template

if TYPE_CHECKING:
    from . import Arrival

INTENTS = "/-/intents/"

_encode = msgspec.json.Encoder().encode


class Accepting:
    """`{"pipe": slug}`."""

    __slots__ = ("slug",)

    def __init__(self, slug: str) -> None:
        self.slug = slug

    @classmethod
    def parse(cls, block: Mapping[str, Any], route: Template) -> Accepting:
        return cls(block["pipe"])

    async def answer(self, flow: Flow, arrival: Arrival, parameters: Mapping[str, str]) -> Answer:
        """Raises Invalid, TooLarge, or one of the errors of intake."""
        at = desk()
        terms = at.terms(self.slug, flow.plane.config.snapshot)
        if terms is None:
            raise NotAccepted(f"There is no pipe {self.slug!r} here.", reason="no_pipe", retry_after_s=5)
        offer = terms.offer(arrival.body, arrival.headers, arrival.consumer, arrival.caller)
        intent, new = await at.writer.accept(offer)
        where = INTENTS + intent
        headers = [("content-type", "application/json"), ("cache-control", "no-store"), ("location", where)]
        if not new:
            headers.append(("idempotent-replayed", "true"))
        return Answer(202, headers, _encode({"id": intent, "status": "ACCEPTED", "status_url": where}))
