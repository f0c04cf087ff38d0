"""One thread with one connection that commits intents: all that came while the last commit ran go into the next.

So the commit rate of the database bounds how long an intent waits, not how many are accepted. A 202 is never false: a
future is fulfilled after the commit. It is never lost either: a batch whose commit failed half way is tried again with
the same ids, and what is there already is not written twice.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from controlplane.kernel import clock
from controlplane.kernel.errors import Problem

from . import rows
from .errors import BeingAccepted, KeyReused, NotAccepted
from .rows import Kept, Offer

LARGEST_BATCH = 500
MOST_PENDING = 20_000
TRIED_FOR_S = 4.0
ANSWER_WITHIN_S = 6.0
AGAIN_S = 0.1
RETRY_AFTER_S = 5
FULL_RETRY_AFTER_S = 15
# Backlogs are counted again so often; a small one, or one that is nearly full, with every batch.
COUNT_EVERY_S, COUNT_CALM_EVERY_S = 1.0, 5.0
COUNTED_ALWAYS = 2_000

log = structlog.get_logger("switchgear.intake")


class Ticket:
    """One offer on its way."""

    __slots__ = ("future", "given_up", "loop", "offer", "until")

    def __init__(self, offer: Offer, loop: asyncio.AbstractEventLoop) -> None:
        self.offer = offer
        self.loop = loop
        self.future: asyncio.Future[tuple[str, bool]] = loop.create_future()
        self.until = time.monotonic() + TRIED_FOR_S
        self.given_up = False


class Writer:
    """One per process. `lookup` finds what a key stands for, beside the commits."""

    def __init__(self, lookup: Callable[[Offer], Awaitable[Kept | None]]) -> None:
        self._lookup = lookup
        self._queue: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._under_way: set[tuple[str, str, str]] = set()
        self._backlogs: dict[str, Backlog] = {}
        self._thread: threading.Thread | None = None

    async def accept(self, offer: Offer) -> tuple[str, bool]:
        """The intent's id, committed, and whether it is new. Raises BeingAccepted, KeyReused or NotAccepted."""
        if self._queue.qsize() >= MOST_PENDING:
            raise NotAccepted("Too many intents are being committed.", reason="busy", retry_after_s=RETRY_AFTER_S)
        if offer.key_hash and offer.key in self._under_way:
            known = await self._lookup(offer)
            if known is None:
                raise BeingAccepted("An intent with this Idempotency-Key is being accepted.", retry_after_s=1)
            return _same(offer, known), False
        self._start()
        ticket = Ticket(offer, asyncio.get_running_loop())
        if offer.key_hash:
            self._under_way.add(offer.key)
        self._queue.put(ticket)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await ticket.future
        except TimeoutError:
            ticket.given_up = True
            raise _away() from None

    def close(self) -> None:
        """Commit what is pending and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(TRIED_FOR_S + 1)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
            self._thread.start()

    # On the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        try:
            while going:
                tickets, going = self._next()
                if tickets:
                    self._commit_or_say_so(tickets)
        finally:
            connection.close()

    def _commit_or_say_so(self, tickets: list[Ticket]) -> None:
        """Whatever nobody foresaw costs these intents their acceptance, and never the thread that others wait for."""
        try:
            self._commit(tickets)
        except Exception:
            log.exception("intents_not_committed", intents=len(tickets))
            connection.close()
            self._settle(tickets, {}, {})

    def _next(self) -> tuple[list[Ticket], bool]:
        """All that waits, at least one; False once the end was asked for."""
        tickets: list[Ticket] = []
        ticket = self._queue.get()
        while ticket is not None:
            if ticket.given_up:
                self._under_way.discard(ticket.offer.key)
            else:
                tickets.append(ticket)
            if len(tickets) >= LARGEST_BATCH:
                return tickets, True
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                return tickets, True
        return tickets, False

    def _commit(self, tickets: list[Ticket]) -> None:
        while tickets:
            try:
                self._try(tickets)
                return
            except (OperationalError, InterfaceError) as error:
                # Perhaps it was committed: the same ids are tried again, and then it is found.
                log.warning("intents_not_committed", intents=len(tickets), error=str(error).strip())
                connection.close()
                now = time.monotonic()
                late = [ticket for ticket in tickets if ticket.until <= now or ticket.given_up]
                self._settle(late, {}, dict.fromkeys((ticket.offer.id for ticket in late), _away()))
                tickets = [ticket for ticket in tickets if ticket not in late]
                time.sleep(AGAIN_S)
            except DatabaseError as error:
                if len(tickets) == 1:
                    log.error("intent_not_storable", pipe=tickets[0].offer.pipe, error=str(error).strip())
                    self._settle(tickets, {}, {tickets[0].offer.id: Problem("The intent could not be stored.")})
                    return
                for ticket in tickets:  # one of them spoils the statement; the others must not suffer for it
                    self._commit([ticket])
                return

    def _try(self, tickets: list[Ticket]) -> None:
        offers, accepted, refused = self._gate([ticket.offer for ticket in tickets])
        if offers:
            there = rows.insert(offers, clock.now())
            for offer in offers:
                if offer.id in there:
                    accepted[offer.id] = offer.id, True
                else:
                    self._replay(offer, accepted, refused)
            for pipe, count in _per_pipe(offer for offer in offers if offer.id in there).items():
                self._backlogs[pipe].waiting += count
        self._settle(tickets, accepted, refused)

    def _gate(self, offers: list[Offer]) -> tuple[list[Offer], dict[str, tuple[str, bool]], dict[str, Problem]]:
        """Those for which there is room. A known key has its answer all the same."""
        room: dict[str, int] = {}
        for pipe, count in _per_pipe(offers).items():
            most = next(offer.max_backlog for offer in offers if offer.pipe == pipe)
            room[pipe] = most - self._backlogs.setdefault(pipe, Backlog()).known(pipe, most, count)
        taken: list[Offer] = []
        accepted: dict[str, tuple[str, bool]] = {}
        refused: dict[str, Problem] = {}
        for offer in offers:
            if room[offer.pipe] > 0:
                room[offer.pipe] -= 1
                taken.append(offer)
            elif not (offer.key_hash and self._replay(offer, accepted, refused)):
                text = f"{offer.max_backlog} intents wait already; this one was not accepted."
                refused[offer.id] = NotAccepted(
                    text, reason="backlog_full", pipe=offer.pipe, retry_after_s=FULL_RETRY_AFTER_S
                )
        return taken, accepted, refused

    @staticmethod
    def _replay(offer: Offer, accepted: dict[str, tuple[str, bool]], refused: dict[str, Problem]) -> bool:
        """Answer an offer whose key stands for an intent already; False when it does not."""
        known = rows.kept(offer)
        if known is None:
            refused[offer.id] = _away()
            return False
        try:
            accepted[offer.id] = _same(offer, known), False
        except KeyReused as reused:
            refused[offer.id] = reused
        return True

    def _settle(
        self, tickets: list[Ticket], accepted: dict[str, tuple[str, bool]], refused: dict[str, Problem]
    ) -> None:
        """Tell each loop once for all of its tickets."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Ticket]] = defaultdict(list)
        for ticket in tickets:
            self._under_way.discard(ticket.offer.key)
            by_loop[ticket.loop].append(ticket)

        def tell(mine: list[Ticket]) -> None:
            for ticket in mine:
                if ticket.future.done():
                    continue
                if ticket.offer.id in accepted:
                    ticket.future.set_result(accepted[ticket.offer.id])
                else:
                    ticket.future.set_exception(refused.get(ticket.offer.id) or _away())

        for loop, mine in by_loop.items():
            try:
                loop.call_soon_threadsafe(tell, mine)
            except RuntimeError:  # the loop is closed: nobody waits for an answer any more
                continue


class Backlog:
    """What this process knows of one pipe's backlog."""

    def __init__(self) -> None:
        self.waiting = 0
        self._counted_at = -COUNT_CALM_EVERY_S

    def known(self, pipe: str, most: int, coming: int) -> int:
        """How many wait; counted anew when it may matter."""
        now = time.monotonic()
        calm = self.waiting + coming < most / 2
        every_s = COUNT_CALM_EVERY_S if calm else 0 if most <= COUNTED_ALWAYS else COUNT_EVERY_S
        if now - self._counted_at >= every_s:
            self.waiting, self._counted_at = rows.waiting(pipe, most), now
        return self.waiting


def _same(offer: Offer, known: Kept) -> str:
    """The intent's id; raises KeyReused when the offer is not what its key stands for."""
    if known.fingerprint != offer.fingerprint:
        raise KeyReused("Another body came with this Idempotency-Key before; use a new key for it.")
    return known.id


def _per_pipe(offers: Iterable[Offer]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for offer in offers:
        counts[offer.pipe] = counts.get(offer.pipe, 0) + 1
    return counts


def _away() -> NotAccepted:
    return NotAccepted("The database does not answer.", reason="database", retry_after_s=RETRY_AFTER_S)
