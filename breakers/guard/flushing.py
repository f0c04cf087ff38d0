"""Delivers what was recorded: failures at once, successes in batches, and makes the moves that the counts demand."""

import asyncio
import time

import structlog
from redis.exceptions import RedisError

from breakers.core import machine
from breakers.store.circuits import CircuitStore, Counted, Flush

from .circuits import Circuits, Guarded

BATCH_S = 0.1
# How long a failed call waits for its outcome to be shared before it answers its caller.
FAILURE_WAIT_S = 0.05

log = structlog.get_logger(__name__)


class Flusher:
    """One task per process. After a quiet time the first outcome goes out at once, so that the store's order of arrival
    is the order of events; under load, outcomes go out together every BATCH_S, and a failure with what is pending.
    """

    def __init__(self, circuits: Circuits, store: CircuitStore) -> None:
        self._circuits, self._store = circuits, store
        self._pending = asyncio.Event()
        self._urgent = asyncio.Event()
        self._delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.away_since: float | None = None

    def stir(self) -> None:
        """There is something to tell."""
        self._pending.set()

    def soon(self) -> None:
        """There is something to tell that must not wait for the batch."""
        self._pending.set()
        self._urgent.set()

    async def delivered(self) -> None:
        """Wait until everything recorded so far has been delivered and judged, but not for long."""
        future = self._delivered
        self.soon()
        await asyncio.wait((future,), timeout=FAILURE_WAIT_S)

    async def run(self) -> None:
        while True:
            await self._pending.wait()
            await self.flush()
            try:
                await asyncio.wait_for(self._urgent.wait(), BATCH_S)
            except TimeoutError:
                pass

    async def flush(self) -> None:
        """One round trip for all circuits that have something to tell, then the moves that follow from it."""
        self._pending.clear()
        self._urgent.clear()
        # Who asks from here on has recorded after this flush was put together, so it waits for the next.
        delivered, self._delivered = self._delivered, asyncio.get_running_loop().create_future()
        try:
            pending = {g.slug: (g, g.recorder.take(g.settings)) for g in self._circuits.values() if g.recorder.dirty}
            if pending:
                await self._deliver(pending)
        finally:
            delivered.set_result(None)

    async def _deliver(self, pending: dict[str, tuple[Guarded, Flush]]) -> None:
        retry_after = {slug: guarded.recorder.retry_after_ms for slug, (guarded, _) in pending.items()}
        try:
            counted = await self._store.flush([flush for _, flush in pending.values()])
            self.away_since = None
        except (RedisError, OSError) as error:
            if self.away_since is None:
                self.away_since = time.monotonic()
                log.warning("outcomes_wait", error=str(error))
            for guarded, flush in pending.values():
                guarded.recorder.put_back(flush)
            self.stir()
            return
        for slug, answer in counted.items():
            await self._judge(slug, answer, retry_after[slug])

    async def _judge(self, slug: str, answer: Counted, retry_after_ms: int) -> None:
        self._circuits.learn(slug, answer.circuit)
        guarded = self._circuits.get(slug)
        if guarded is None or not answer.counted:
            return
        breaker = guarded.settings.breaker
        if len(answer.windows) != len(breaker.windows):
            return  # the configuration changed while this flush was under way; the next one asks for the new windows
        move = machine.after_counts(breaker, answer.circuit, answer.streak, answer.windows, retry_after_ms)
        if move is None:
            return
        try:
            moved = await self._store.move(slug, move)
        except (RedisError, OSError) as error:
            log.warning("move_not_made", target=slug, to=move.to, error=str(error))
            return
        if moved is not None:
            log.info("circuit_moved", target=slug, to=moved.state, reason=moved.reason)
            self._circuits.learn(slug, moved)
