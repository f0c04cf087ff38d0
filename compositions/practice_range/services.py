"""The downstreams of the site: each has its own port, its own setting, and a count of what it answered."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from compositions.practice_range.addresses import SLUGS, Addresses
from compositions.practice_range.behaviours import BEHAVIOURS, Setting, act, in_plain_words
from compositions.practice_range.customers import Customers
from compositions.practice_range.newsroom import handlers
from compositions.practice_range.payments import Ledger
from compositions.practice_range.wire import Answer, Listener, Request

DOES = {
    "articles": ("Articles", "Lists stories and shows one"),
    "search": ("Search", "The new search, which reads whole texts"),
    "payment": ("Payment", "Charges a card once for each Idempotency-Key, and refunds"),
    "content": ("Content", "Full texts for subscribers, and who may read them"),
    "newsletter": ("Newsletter", "Signs readers up for the weekly letter"),
    "loyalty": ("Loyalty", "Members and the points that they have collected"),
    "fraud": ("Fraud", "Judges a subscription before it is paid"),
    "monolith": ("Monolith", "The old site: every page in its old version, and messages to customers"),
}


class PortTaken(Exception):
    """A service's port belongs to another program."""

    def __init__(self, slug: str, host: str, port: int) -> None:
        super().__init__(f"Port {port} on {host}, which {slug} needs, is taken by another program.")
        self.slug, self.port = slug, port


class Service:
    """One downstream. A switch takes effect for the next request; connections that hang are dropped by it."""

    def __init__(self, slug: str, addresses: Addresses, handler: Callable[[Request], Answer]) -> None:
        self.slug = slug
        self.title, self.does = DOES[slug]
        self.base_url = addresses.url_of(slug)
        self.setting = Setting()
        self.since = time.time()
        self.answered: Counter[str] = Counter()
        self._handler = handler
        self._listener = Listener(addresses.host, addresses.port_of(slug), self._answer)
        self._switched = asyncio.Event()
        self._switching = asyncio.Lock()

    async def open(self) -> None:
        try:
            await self._listener.open()
        except OSError as error:
            raise PortTaken(self.slug, self._listener.host, self._listener.port) from error

    async def close(self) -> None:
        self._switched.set()
        await self._listener.close()

    async def switch(self, setting: Setting) -> None:
        """Take on a setting. The port follows first, so that the state shown is the state callers meet."""
        async with self._switching:
            if BEHAVIOURS[setting.behaviour].closes_port:
                await self._listener.close()
            else:
                await self.open()
            if setting != self.setting:
                self.setting, self.since = setting, time.time()
                self._switched.set()
                self._switched = asyncio.Event()

    async def _answer(self, request: Request) -> Answer:
        try:
            answer = await act(self.setting, lambda: self._handler(request), self._switched)
        except BaseException:
            self.answered["none"] += 1
            raise
        self.answered[str(answer.status)] += 1
        return answer

    def document(self) -> dict[str, Any]:
        return {
            "service": self.slug,
            "title": self.title,
            "does": self.does,
            "base_url": self.base_url,
            **self.setting.document(),
            "in_plain_words": in_plain_words(self.setting),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.since)),
            "answered": dict(sorted(self.answered.items())),
        }


class Services:
    """All downstreams together: opened, reset and closed as one."""

    def __init__(self, addresses: Addresses) -> None:
        self.ledger = Ledger()
        self.customers = Customers()
        handler_of = handlers(self.ledger, self.customers)
        self.by_slug = {slug: Service(slug, addresses, handler_of[slug]) for slug in SLUGS}

    async def open(self) -> None:
        for service in self.by_slug.values():
            await service.open()

    async def reset(self) -> None:
        """Everything healthy again. Charges stay: after a lesson they are what one wants to look at."""
        for service in self.by_slug.values():
            await service.switch(Setting())

    async def close(self) -> None:
        for service in self.by_slug.values():
            await service.close()
