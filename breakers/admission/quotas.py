"""Exact quotas: units are drawn from the database's ledger ahead of use and spent from memory.

Why a consumer never gets more than its quota: a unit is spent only after the ledger has counted it, and the ledger's
one conditional update can't pass the limit. What a process held when it died stays counted. Units that were not used go
back, but never twice: when it is uncertain whether the database heard, they are lost to the consumer.

No request waits for the database while units are at hand. When none is, one transaction draws for all that wait; each
waits up to WAIT_S for it, and then its plan's `on_store_error` decides as if the database were away. What then passes
is charged as soon as the database is back.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog
from django.db import connection

from breakers.core.quotas import QuotaTerms

from .allotments import Allotment, QuotaExhausted, StoreAway, Use
from .ledger import Answer, Ask, LedgerAway, exchange

__all__ = ["QuotaExhausted", "QuotaTerms", "Quotas", "StoreAway", "Use"]

WAIT_S = 0.25
SWEEP_S = 0.25
# How long a refusal stands, and figures are taken for true: resets, extensions and edits bind within this time.
STANDS_S = 1.0
RETRY_S = 0.5
CLOSE_S = 3.0
BATCH = 200
FORGET_S = 3600.0
FORGET_EVERY_S = 60.0

log = structlog.get_logger(__name__)

Exchange = Callable[[Sequence[Ask]], list[Answer]]


class Quotas:
    """The quotas of all consumers in this process. `run` must be running.

    `now_ms` is the wall clock by which periods begin, `workers` how many front doors share what is left while the
    database is away; `ledger` runs in a thread of its own.
    """

    def __init__(
        self,
        now_ms: Callable[[], float],
        workers: Callable[[], int] = lambda: 1,
        *,
        ledger: Exchange = exchange,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.away = False
        self._now_ms, self._workers, self._clock, self._ledger = now_ms, workers, clock, ledger
        self._allotments: dict[tuple[str, str], Allotment] = {}
        self._bound: dict[QuotaTerms, Allotment] = {}
        self._wanted: dict[Allotment, None] = {}
        self._stocked: set[Allotment] = set()
        self._wake = asyncio.Event()
        self._retry_at = self._forgot_at = 0.0
        self._under_way: asyncio.Future[None] | None = None
        # One thread, so that one connection is held and this process's transactions never wait for each other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="quotas")

    # What a request does ----------------------------------------------------------------------------------------------

    def try_draw(self, terms: QuotaTerms, now_ms: float) -> int:
        """Spend a unit at hand: a ticket for `give_back`, below 0 when it passed uncounted; 0 when `draw` must wait.

        Raises QuotaExhausted or StoreAway.
        """
        allotment = self._bound.get(terms)
        if allotment is not None and allotment.held and allotment.start_ms <= now_ms < allotment.end_ms:
            allotment.held -= 1
            if allotment.held == allotment.low:
                self._want(allotment)
            return allotment.ticket
        return self._look(self._bind(terms, now_ms), now_ms)

    async def draw(self, terms: QuotaTerms, now_ms: float) -> int:
        """`try_draw`, after waiting for the ledger if it must."""
        ticket = self.try_draw(terms, now_ms)
        if ticket:
            return ticket
        allotment = self._allotments[terms.name]
        waiter: asyncio.Future[int | Exception] = asyncio.get_running_loop().create_future()
        allotment.waiters.append(waiter)
        self._want(allotment)
        try:
            await asyncio.wait((waiter,), timeout=WAIT_S)
        except asyncio.CancelledError:
            if not waiter.done():
                allotment.waiters.remove(waiter)
            elif isinstance(unit := waiter.result(), int):
                self.give_back(terms, unit)
            raise
        if not waiter.done():
            allotment.waiters.remove(waiter)
            self._lost("no answer in time")
            return self._without_ledger(allotment, now_ms)
        verdict = waiter.result()
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def give_back(self, terms: QuotaTerms, ticket: int) -> None:
        """The request did not pass after all: its unit is at hand again, unless its period or generation is over."""
        allotment = self._allotments.get(terms.name)
        if allotment is None or abs(ticket) != allotment.ticket:
            return
        if ticket < 0 and allotment.owed:
            allotment.owed -= 1
            if allotment.share is not None:
                allotment.share += 1
        elif allotment.waiters:
            allotment.waiters.popleft().set_result(ticket)
        else:
            allotment.held += 1
            self._stocked.add(allotment)

    def usage(self, consumer: str, plan: str) -> Use | None:
        """What is known now, without asking; None when this process has not heard of this quota."""
        allotment = self._allotments.get((consumer, plan))
        return None if allotment is None or not allotment.ticket else allotment.use()

    async def read(self, terms: QuotaTerms, now_ms: float) -> Use:
        """`usage`, after asking the ledger, for up to WAIT_S; without an answer, what was known before."""
        allotment = self._bind(terms, now_ms)
        if not self.away:
            reader = asyncio.get_running_loop().create_future()
            allotment.readers.append(reader)
            self._want(allotment)
            await asyncio.wait((reader,), timeout=WAIT_S)
            with suppress(ValueError):
                allotment.readers.remove(reader)
        return allotment.use()

    def _bind(self, terms: QuotaTerms, now_ms: float) -> Allotment:
        allotment = self._allotments.get(terms.name)
        if allotment is None:
            allotment = self._allotments[terms.name] = Allotment(terms)
        if allotment.terms != terms:
            self._bound.pop(allotment.terms, None)
        allotment.bind(terms, now_ms)
        if allotment.corrections and not self.away:
            self._want(allotment)
        self._bound[terms] = allotment
        allotment.touched_at = self._clock()
        return allotment

    def _look(self, allotment: Allotment, now_ms: float) -> int:
        """What to do without a unit at hand, as far as it can be said at once."""
        if allotment.held and not allotment.waiters:  # of edited terms: held before, and now bound to them
            allotment.held -= 1
            return allotment.ticket
        now = self._clock()
        if self.away or allotment.sharing(now):
            return self._without_ledger(allotment, now_ms)
        if now < allotment.refused_until:
            raise allotment.exhausted(now_ms)
        return 0

    def _without_ledger(self, allotment: Allotment, now_ms: float) -> int:
        self._want(allotment)
        return allotment.pass_unpaid(now_ms, self._workers(), away=self.away)

    # The loop ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Draw when asked to, give back what lies idle, keep figures fresh; until cancelled."""
        swept_at = self._clock()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S):  # wait_for may swallow a cancellation (until Python 3.12)
                    await self._wake.wait()
            self._wake.clear()
            now = self._clock()
            if now - swept_at >= SWEEP_S:
                swept_at = now
                self._sweep(now)
            if self._wanted and now >= self._retry_at:
                await self._settle()

    async def close(self) -> None:
        """Give back what is held and charge what is owed. Call it when `run` has ended."""
        if self._under_way is not None:
            await asyncio.wait((self._under_way,), timeout=CLOSE_S)
        for allotment in self._allotments.values():
            allotment.return_all()
            if allotment.corrections or allotment.owed:
                self._wanted[allotment] = None
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while self._wanted and not self.away:
                    await self._settle()
        self._thread.submit(lambda: connection.close())  # that thread's connection, not ours
        self._thread.shutdown(wait=False)

    def _want(self, allotment: Allotment) -> None:
        self._wanted[allotment] = None
        if not self.away:
            self._wake.set()

    def _sweep(self, now: float) -> None:
        for allotment in list(self._stocked):
            if not self.away:
                allotment.return_idle(now)
            if now - allotment.read_at >= STANDS_S or allotment.corrections:
                self._wanted[allotment] = None
            if not allotment.held:
                self._stocked.discard(allotment)
        if now - self._forgot_at >= FORGET_EVERY_S:
            self._forgot_at = now
            for name, allotment in list(self._allotments.items()):
                if allotment.idle and now - allotment.touched_at > FORGET_S:
                    del self._allotments[name]
                    self._bound.pop(allotment.terms, None)
                    self._wanted.pop(allotment, None)

    async def _settle(self) -> None:
        """One transaction for a batch of what is wanted, requests that wait first. No cancellation cuts it short."""
        first = sorted(self._wanted, key=lambda allotment: not allotment.waiters)[:BATCH]
        chosen = sorted(first, key=lambda allotment: allotment.terms.name)
        for allotment in chosen:
            del self._wanted[allotment]
            if not allotment.waiters:  # those that wait have bound it to their own time
                allotment.bind(allotment.terms, self._now_ms())
        now = self._clock()
        said = [(allotment, allotment.ask(now)) for allotment in chosen]
        self._under_way = asyncio.ensure_future(self._say(said))
        await asyncio.shield(self._under_way)
        if self._wanted and not self.away:
            self._wake.set()

    async def _say(self, said: list[tuple[Allotment, Ask]]) -> None:
        asks = [ask for _, ask in said]
        try:
            answers = await asyncio.get_running_loop().run_in_executor(self._thread, self._ledger, asks)
        except Exception as error:  # whatever went wrong there, requests must not wait for it
            self._lost(repr(error))
            self._retry_at = self._clock() + RETRY_S
            certain = isinstance(error, LedgerAway) and error.certain
            for allotment, asked in said:
                allotment.unsaid(asked, certain=certain)
                self._wanted[allotment] = None
                self._release(allotment)
            return
        if self.away:
            self.away = False
            log.info("quota_ledger_back")
        now = self._clock()
        for (allotment, asked), answer in zip(said, answers, strict=True):
            allotment.learn(asked, answer, now)
            self._serve(allotment, now)

    def _serve(self, allotment: Allotment, now: float) -> None:
        """Hand units to those who wait, in the order in which they came; refuse them when nothing is left."""
        while allotment.waiters and allotment.held:
            allotment.held -= 1
            allotment.waiters.popleft().set_result(allotment.ticket)
        if allotment.read_at == now and not allotment.held and allotment.left <= 0:
            allotment.refused_until = now + STANDS_S
            while allotment.waiters:
                allotment.waiters.popleft().set_result(allotment.exhausted(self._now_ms()))
        allotment.tell_readers()
        if allotment.waiters or allotment.corrections:
            self._wanted[allotment] = None
        allotment.stocked(now)
        if allotment.held:
            self._stocked.add(allotment)

    def _release(self, allotment: Allotment) -> None:
        """Without the ledger nobody needs to wait on: each is judged at once."""
        while allotment.waiters:
            waiter = allotment.waiters.popleft()
            try:
                waiter.set_result(self._without_ledger(allotment, self._now_ms()))
            except (QuotaExhausted, StoreAway) as refusal:
                waiter.set_result(refusal)
        allotment.tell_readers()

    def _lost(self, error: str) -> None:
        if not self.away:
            self.away = True
            log.warning("quota_ledger_away", error=error)
