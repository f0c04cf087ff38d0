"""Front doors that draw quotas from one real database, by a wall clock that a test may set."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.db import OperationalError, connection

from breakers.admission.ledger import LedgerAway, exchange
from breakers.admission.quotas import QuotaExhausted, Quotas, QuotaTerms, StoreAway
from breakers.models import Consumer, QuotaLedger, UsagePlan

T = TypeVar("T")
TERMS = QuotaTerms("acme", "gold", 100)


def granted(limit: int = 100, **fields) -> QuotaTerms:
    """Terms whose consumer and plan are in the database."""
    terms = msgspec.structs.replace(TERMS, limit=limit, **fields)
    Consumer.objects.get_or_create(slug=terms.consumer)
    UsagePlan.objects.get_or_create(slug=terms.plan, defaults={"quota_limit": limit, "quota_period": terms.period})
    return terms


def ledgers() -> list[tuple[datetime, int]]:
    """(begin, drawn) of every period, in order of time."""
    return list(QuotaLedger.objects.order_by("period_start").values_list("period_start", "drawn"))


def in_a_thread(work: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """For the ORM in an async test: a connection of its own, which is closed again."""

    def once(*args: Any, **kwargs: Any) -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connection.close()

    return lambda *args, **kwargs: asyncio.to_thread(once, *args, **kwargs)


class Wall:
    """A wall clock: the real one from the moment of the test, or one that stands where it was set."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at

    def ms(self) -> float:
        return time.time() * 1000 if self.at is None else self.at.timestamp() * 1000


class Database:
    """The ledger, as long as it is up. `lose_answers` makes it write and then not say so."""

    def __init__(self) -> None:
        self.up = True
        self.lose_answers = False

    def __call__(self, asks):
        if not self.up:
            raise LedgerAway(OperationalError("connection refused"), certain=True)
        answers = exchange(asks)
        if self.lose_answers:
            raise LedgerAway(OperationalError("connection lost"), certain=False)
        return answers


class Door:
    """One front door: its quotas and the loop that keeps them."""

    def __init__(self, wall: Wall | None = None, database: Database | None = None, workers: int = 1) -> None:
        self.wall = wall or Wall()
        self.quotas = Quotas(self.wall.ms, lambda: workers, ledger=database or exchange)
        self.loop = asyncio.create_task(self.quotas.run())

    async def ask(self, terms: QuotaTerms) -> int:
        """A ticket; raises what a request would see."""
        return self.quotas.try_draw(terms, self.wall.ms()) or await self.quotas.draw(terms, self.wall.ms())

    async def passes(self, terms: QuotaTerms, times: int) -> int:
        """How many of so many requests, one after the other, pass. One that the ledger was too slow for asks again."""
        passed = 0
        for _ in range(times):
            while True:
                try:
                    passed += bool(await self.ask(terms))
                except QuotaExhausted:
                    return passed
                except StoreAway:
                    await asyncio.sleep(0.05)
                    continue
                break
        return passed

    async def die(self) -> None:
        """Vanish as a killed process does: nothing is given back."""
        self.loop.cancel()
        await asyncio.gather(self.loop, return_exceptions=True)

    async def close(self) -> None:
        if not self.loop.done():
            await self.die()
            await self.quotas.close()


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


async def until(condition, timeout_s: float = 20) -> None:
    """Waits until an awaitable condition holds."""
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)
