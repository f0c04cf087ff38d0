"""Light background traffic of imaginary readers through the front door, so that the board has something to show."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from typing import Any

from compositions.practice_range import catalogue
from compositions.practice_range.frontdoor_client import FrontDoor, FrontDoorAway, Reply

REQUESTS_PER_S = 8.0
# A front door that stalls must not be met by a growing crowd.
MAX_IN_FLIGHT = 16
RETRY_S = 1.0
SEARCHES = ("tardigrade", "ice", "mars", "gold", "whale", "glass", "primes", "wave", "light", "brain")

Call = dict[str, Any]


def _reader() -> str:
    return f"reader-{random.randrange(10_000):04d}@example.org"


def _article() -> str:
    return random.choice(catalogue.STORIES).id


def _subscription() -> Call:
    # Nobody subscribes twice here, so that charged_twice in the ledger speaks of the tour alone.
    key = str(uuid.uuid4())
    body = {"customer": f"background-{key[:8]}@example.org", "item": "premium", "amount_cents": 900}
    return {"method": "POST", "path": "/subscribe", "body": body, "headers": {"Idempotency-Key": key}}


def _check() -> Call:
    return {"method": "POST", "path": "/subscribe/check", "body": {"customer": _reader()}}


def _newsletter() -> Call:
    return {"method": "POST", "path": "/newsletter", "body": {"email": _reader()}}


# What readers do, and how often: the numbers are shares of the whole.
READERS: tuple[tuple[float, Callable[[], Call]], ...] = (
    (20, lambda: {"method": "GET", "path": "/articles"}),
    (22, lambda: {"method": "GET", "path": f"/articles/{_article()}"}),
    (18, lambda: {"method": "GET", "path": "/search", "query": {"q": random.choice(SEARCHES)}}),
    (9, lambda: {"method": "GET", "path": f"/premium/{_article()}"}),
    (10, _subscription),
    (8, _check),
    (5, _newsletter),
    (5, lambda: {"method": "GET", "path": f"/points/reader-{random.randrange(50):02d}"}),
    (3, lambda: {"method": "GET", "path": random.choice(("/about", "/archive"))}),
)
_WEIGHTS = [weight for weight, _ in READERS]
_MAKERS = [maker for _, maker in READERS]


class Traffic:
    """Sends until cancelled. While the front door is away it sends nothing and looks for it about once a second."""

    def __init__(self, frontdoor: FrontDoor, per_s: float = REQUESTS_PER_S) -> None:
        self._frontdoor, self._per_s = frontdoor, per_s
        self._in_flight: set[asyncio.Task[None]] = set()
        self.away = True
        self.sent = 0

    async def run(self) -> None:
        try:
            while True:
                if self.away:
                    await self._look_for_frontdoor()
                # Exponential gaps: arrivals that know nothing of each other, as real ones.
                await asyncio.sleep(random.expovariate(self._per_s))
                if not self.away and len(self._in_flight) < MAX_IN_FLIGHT:
                    task = asyncio.create_task(self._send())
                    self._in_flight.add(task)
                    task.add_done_callback(self._in_flight.discard)
        finally:
            for task in self._in_flight:
                task.cancel()

    async def _look_for_frontdoor(self) -> None:
        while self.away:
            try:
                reply: Reply = await self._frontdoor.ask("GET", "/-/healthz")
                self.away = reply.status != 200
            except FrontDoorAway:
                pass
            if self.away:
                await asyncio.sleep(RETRY_S * random.uniform(0.75, 1.25))

    async def _send(self) -> None:
        call = random.choices(_MAKERS, _WEIGHTS)[0]()
        try:
            await self._frontdoor.ask(call.pop("method"), call.pop("path"), **call)
            self.sent += 1
        except FrontDoorAway:
            self.away = True

    def in_plain_words(self) -> str:
        if self.away:
            return "Background traffic waits: the front door does not answer."
        return f"Background traffic runs: about {self._per_s:.0f} requests a second through the front door."
