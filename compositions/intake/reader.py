"""One thread with one connection that looks intents up: all that were asked for meanwhile go into one query."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection

from controlplane.kernel.errors import Unavailable

from . import rows

LARGEST_BATCH = 200
MOST_PENDING = 2_000
ANSWER_WITHIN_S = 3.0
RETRY_AFTER_S = 2

Row = dict[str, Any]

log = structlog.get_logger("switchgear.intake")


class Reader:
    """One per process. Looking up never waits for more than a few seconds, nor behind more than a few thousand."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[str, asyncio.AbstractEventLoop, asyncio.Future[Row | None]] | None]
        self._queue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def find(self, intent: str) -> Row | None:
        """What is told of an intent; None when there is none. Raises Unavailable while the database is away."""
        if self._queue.qsize() >= MOST_PENDING:
            raise Unavailable("Too many ask for their intents.", reason="busy", retry_after_s=RETRY_AFTER_S)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="intents", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Row | None] = loop.create_future()
        self._queue.put((intent, loop, future))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await future
        except TimeoutError:
            raise _away() from None

    def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(ANSWER_WITHIN_S)

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
    def _answer(batch: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Future[Row | None]]]) -> None:
        found: dict[str, Row] | None = None
        try:
            found = rows.present({intent for intent, _, _ in batch})
        except (DatabaseError, InterfaceError) as error:
            log.warning("intents_not_read", error=str(error).strip())
            connection.close()

        def tell(intent: str, future: asyncio.Future[Row | None]) -> None:
            if not future.done():
                if found is None:
                    future.set_exception(_away())
                else:
                    future.set_result(found.get(intent))

        for intent, loop, future in batch:
            try:
                loop.call_soon_threadsafe(tell, intent, future)
            except RuntimeError:  # the loop is closed
                continue


def _away() -> Unavailable:
    return Unavailable("The database does not answer.", reason="database", retry_after_s=RETRY_AFTER_S)
