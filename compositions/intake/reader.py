"""One thread with one connection that looks intents up: all that were asked for meanwhile go into one query."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from django.db import DatabaseError, InterfaceError, connection

from controlplane.kernel.errors import Unavailable

from . import rows
from .rows import Kept, Offer

LARGEST_BATCH = 200
MOST_PENDING = 2_000
ANSWER_WITHIN_S = 3.0
RETRY_AFTER_S = 2

DATABASE_AWAY = (DatabaseError, InterfaceError)

Row = dict[str, Any]

log = structlog.get_logger("switchgear.intake")


class Question(NamedTuple):
    """What is looked up: an id, or the key of an offer."""

    wanted: str | Offer
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class Reader:
    """One per process. Looking up never waits for more than a few seconds, nor behind more than a few thousand."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def find(self, intent: str) -> Row | None:
        """What is told of an intent; None when there is none. Raises Unavailable while the database is away."""
        row: Row | None = await self._ask(intent)
        return row

    async def kept(self, offer: Offer) -> Kept | None:
        """The intent that the offer's key stands for. Raises Unavailable while the database is away."""
        known: Kept | None = await self._ask(offer)
        return known

    def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(ANSWER_WITHIN_S)

    async def _ask(self, wanted: str | Offer) -> Any:
        if self._queue.qsize() >= MOST_PENDING:
            raise Unavailable("Too many ask for their intents.", reason="busy", retry_after_s=RETRY_AFTER_S)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="intents", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        question = Question(wanted, loop, loop.create_future())
        self._queue.put(question)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await question.future
        except TimeoutError:
            raise _away() from None

    # On the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (asked := self._queue.get()) is not None:
                batch = [asked]
                while len(batch) < LARGEST_BATCH:
                    try:
                        more = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if more is None:
                        self._queue.put(None)
                        break
                    batch.append(more)
                self._answer(batch)
        finally:
            connection.close()

    @staticmethod
    def _answer(batch: list[Question]) -> None:
        try:
            found = rows.present({asked.wanted for asked in batch if isinstance(asked.wanted, str)})
            for asked in batch:
                wanted = asked.wanted
                answer = found.get(wanted) if isinstance(wanted, str) else rows.kept(wanted)
                _tell(asked, lambda future, answer=answer: future.set_result(answer))  # type: ignore[misc]
        except Exception as error:  # whatever it was, others still ask
            log.warning("intents_not_read", error=str(error).strip(), exc_info=not isinstance(error, DATABASE_AWAY))
            connection.close()
            for asked in batch:
                _tell(asked, lambda future: future.set_exception(_away()))


def _tell(asked: Question, tell: Callable[[asyncio.Future[Any]], None]) -> None:
    def told() -> None:
        if not asked.future.done():
            tell(asked.future)

    try:
        asked.loop.call_soon_threadsafe(told)
    except RuntimeError:  # the loop is closed
        return


def _away() -> Unavailable:
    return Unavailable("The database does not answer.", reason="database", retry_after_s=RETRY_AFTER_S)
