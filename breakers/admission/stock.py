"""The tokens that this process has leased, and the one loop that keeps them stocked and the ledger informed."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice

from breakers.core.allowances import TokenLimit, TokenPool
from breakers.store.allowances import STORE_ERRORS, AllowanceStore

# How often the ledger hears of tokens used, and how long a message may take.
TICK_S = 0.1
ANSWER_S = 0.5
# How often every part of the ledger is looked at, and buckets are forgotten that nobody has asked for since.
SWEEP_S = 1.0
FORGET_S = 3.0
# Buckets in one message; what is above goes with the next.
LARGEST_MESSAGE = 500


class TokenStock:
    """`wanted` counts the requests that wait for each bucket; `changed` is called when they may be decided.

    `holder` names the process to people; a random part is added, since a process may come back under an old name.
    """

    def __init__(
        self,
        store: AllowanceStore,
        holder: str,
        *,
        wanted: Callable[[], Counter[str]],
        changed: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self.store_ok = True
        self.pools: dict[str, TokenPool] = {}
        self.lease_s = store.lease_s
        self._sent_at: float | None = None  # of the message that has no answer yet
        self._store = store
        self._holder = f"{holder}.{secrets.token_hex(4)}"
        self._wanted = wanted
        self._changed = changed
        self._clock = clock
        self._live: dict[str, TokenPool] = {}  # those of which the ledger has to hear
        self._urgent: dict[str, TokenPool] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._seq = 0

    def pool(self, limit: TokenLimit, now: float) -> TokenPool:
        pool = self.pools.get(limit.id)
        if pool is None:
            pool = self.pools[limit.id] = TokenPool(limit, now)
        elif pool.limit is not limit:
            pool.revise(limit)
        pool.seen_at = now
        return pool

    def nudge(self, ids: Iterable[str]) -> None:
        """Others need tokens of these buckets, or have given some back."""
        for id in ids:
            pool = self.pools.get(id)
            if pool is not None:
                pool.press()
                self.hurry(pool)

    def hurry(self, pool: TokenPool) -> None:
        """The ledger should hear of this bucket at once."""
        pool.mark = -1
        self._urgent[pool.limit.id] = pool
        self._wake.set()

    def suspect(self, patience_s: float) -> None:
        """A request waited in vain: if a message is without an answer, others need not wait for it as well."""
        if self._sent_at is not None and self._clock() - self._sent_at >= patience_s / 2:
            self.store_ok = False

    def wake(self) -> None:
        """A request waits."""
        self._wake.set()

    async def run(self) -> None:
        """Tell the ledger ten times a second what was used, and what is urgent at once; ends only by cancellation."""
        this = asyncio.current_task()
        assert this is not None
        tick_at = sweep_at = self._clock()
        while True:
            # Requests that were just served go on first: they may give tokens back, and others join the message.
            await asyncio.sleep(0)
            now = self._clock()
            tick, sweep = now >= tick_at, now >= sweep_at
            if tick:
                tick_at = now + TICK_S
            if sweep:
                sweep_at = now + SWEEP_S
                self._forget(now)
            self._wake.clear()
            await self._exchange(everything=tick, every_part=sweep or (tick and not self.store_ok))
            if this.cancelling():
                # The client sends under asyncio.wait_for, which on Python 3.11 may swallow a cancellation.
                raise asyncio.CancelledError
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, tick_at - self._clock())):
                    await self._wake.wait()

    async def close(self) -> None:
        """Give back what is left; nothing is to be taken afterwards."""
        await self._exchange(everything=True, leaving=True)
        self.pools.clear()

    def _forget(self, now: float) -> None:
        over = [
            id
            for id, pool in self.pools.items()
            if now - max(pool.seen_at, pool.used_at) >= FORGET_S and not pool.usable(now)
        ]
        for id in over:
            del self.pools[id]
            self._live.pop(id, None)
            self._urgent.pop(id, None)

    def _concerned(self, wanted: Counter[str], *, everything: bool) -> list[TokenPool]:
        """Those who wait come first; what does not fit stays urgent."""
        pools = {id: pool for id in wanted if (pool := self.pools.get(id))} | self._urgent
        if everything:
            pools |= self._live
        self._urgent = dict(islice(pools.items(), LARGEST_MESSAGE, None))
        if self._urgent:
            self._wake.set()
        return list(islice(pools.values(), LARGEST_MESSAGE))

    async def _exchange(self, *, everything: bool, every_part: bool = False, leaving: bool = False) -> None:
        async with self._turn:
            sent_at = self._clock()
            wanted = self._wanted()
            asked = []
            for pool in self._concerned(wanted, everything=everything):
                need = max(0, wanted[pool.limit.id] - pool.usable(sent_at))
                ask = pool.ask(sent_at, need=need, leaving=leaving)
                if ask is not None:
                    asked.append((pool, ask))
            if not (asked or every_part):
                return
            self._seq += 1
            self._sent_at = sent_at
            try:
                async with asyncio.timeout(ANSWER_S):
                    answers = await self._store.exchange(
                        self._holder, self._seq, [ask for _, ask in asked], every_part=every_part
                    )
            except STORE_ERRORS:
                self.store_ok = False
                for pool, ask in asked:
                    pool.unheard(ask)
                    self._live[ask.id] = pool
                self._changed(self._clock())
                return
            finally:
                self._sent_at = None
        now = self._clock()
        self.store_ok = True
        for (pool, ask), answer in zip(asked, answers, strict=True):
            pool.hear(ask, answer, sent_at, now, self.lease_s)
            if pool.recorded:
                self._live[ask.id] = pool
            else:
                self._live.pop(ask.id, None)
        self._changed(now)
