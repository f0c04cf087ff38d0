"""Rate limits as requests meet them: tokens leased ahead in this process, and one loop that keeps them stocked.

Nothing waits for the store while tokens are at hand. When one is missing, `take` asks the store once, together with
everybody else who waits. Why no more pass than the limits allow is said in breakers/core/allowances.py and
breakers/store/allowances.py.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from breakers.core.allowances import TokenLimit
from breakers.store.allowances import AllowanceStore

from .stock import TokenStock

__all__ = ["Counts", "StoreAway", "Taken", "Throttled", "TokenLeases", "TokenLimit"]

# How long a request waits for the store.
PATIENCE_S = 0.05


class Throttled(Exception):
    """This limit has no token now. `retry_after_s` is the time until its bucket has the next one."""

    def __init__(self, limit: TokenLimit, retry_after_s: float) -> None:
        self.limit = limit
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.limit.id}: no token for {self.retry_after_s:.3f} s"


class StoreAway(Exception):
    """The ledger can't be asked, and this limit says that nothing passes without it."""

    def __init__(self, limit: TokenLimit, retry_after_s: float) -> None:
        self.limit = limit
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.limit.id}: the store is away"


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One token of each limit was taken; but not of those that the request passed uncounted, or by a local share.

    `at` is the time on the clock of the leases.
    """

    at: float
    voided: tuple[TokenLimit, ...] = ()
    local: tuple[TokenLimit, ...] = ()


class Counts(msgspec.Struct):
    """Since the process began: requests refused, and limits passed uncounted or by a local share."""

    refused: int = 0
    voided: int = 0
    local: int = 0


class Waiter(msgspec.Struct, eq=False):
    limits: Sequence[TokenLimit]
    since: float
    verdict: "asyncio.Future[Taken]"
    alarm: asyncio.TimerHandle | None = None


class TokenLeases:
    """The tokens of all limits in this process. `run` must be running; `nudge` hears what others push.

    `holder` names the process to people.
    `workers` tells how many processes share the limits while the store is away.
    """

    def __init__(
        self,
        store: AllowanceStore,
        holder: str,
        *,
        workers: Callable[[], int] = lambda: 1,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.counts = Counts()
        self._stock = TokenStock(store, holder, wanted=self._wanted, changed=self._serve, clock=clock)
        self._pools = self._stock.pools
        self._workers = workers
        self._clock = clock
        self._patience_s = patience_s
        self._waiters: dict[Waiter, None] = {}

    @property
    def store_ok(self) -> bool:
        return self._stock.store_ok

    async def run(self) -> None:
        """Keeps tokens stocked; ends only by cancellation."""
        await self._stock.run()

    def nudge(self, ids: Iterable[str]) -> None:
        """A push said that others need tokens of these buckets, or have given some back."""
        self._stock.nudge(ids)

    async def close(self) -> None:
        """Give back what is left, after `run` has ended; nothing is to be taken afterwards."""
        await self._stock.close()

    # What a request does

    def try_take(self, limits: Sequence[TokenLimit]) -> Taken | None:
        """Take a token of each limit (each named once), or of none; None when the store has to be asked: `take`.

        Raises Throttled or StoreAway, for the limit that will be the last to let the request pass.
        """
        now, pools = self._clock(), self._pools
        for limit in limits:
            pool = pools.get(limit.id)
            if pool is None or pool.idle <= 0 or now >= pool.valid_until or pool.limit is not limit:
                for taken in limits[: limits.index(limit)]:
                    pools[taken.id].idle += 1
                    pools[taken.id].used -= 1
                return self._decide(limits, now)
            # TokenPool.use, written out: this is the path of every request.
            pool.idle -= 1
            pool.used += 1
            pool.used_at = now
            if pool.idle <= pool.mark:
                self._stock.hurry(pool)
        return Taken(now)

    async def take(self, limits: Sequence[TokenLimit]) -> Taken:
        """As try_take, after asking the store for what is missing; decides as if it were away when it is too slow."""
        taken = self.try_take(limits)
        if taken is not None:
            return taken
        loop = asyncio.get_running_loop()
        waiter = Waiter(limits, self._clock(), loop.create_future())
        self._waiters[waiter] = None
        self._stock.wake()
        waiter.alarm = loop.call_later(self._patience_s, self._lose_patience, waiter, loop.time() + self._patience_s)
        try:
            taken = await waiter.verdict
        except asyncio.CancelledError:
            if waiter.verdict.done() and not waiter.verdict.cancelled() and waiter.verdict.exception() is None:
                self.give_back(limits, waiter.verdict.result())
            raise
        finally:
            if waiter.alarm is not None:
                waiter.alarm.cancel()
            self._waiters.pop(waiter, None)
        now = self._clock()
        for limit in limits:
            self._stock.pool(limit, now).used_at = now  # the request goes on only now
        return taken

    def give_back(self, limits: Sequence[TokenLimit], taken: Taken) -> None:
        """The request went no further: others may use its tokens."""
        now = self._clock()
        for limit in limits:
            pool = self._pools.get(limit.id)
            if pool is None or limit in taken.voided:
                continue
            if limit not in taken.local:
                pool.unuse(taken.at, now)
            elif pool.local is not None:
                pool.local.give_back()

    def remaining(self, id: str) -> tuple[int, float] | None:
        """Tokens that the bucket holds as far as this process knows, and seconds until it is full.

        None when no request has asked for it lately.
        """
        pool = self._pools.get(id)
        if pool is None:
            return None
        now, limit = self._clock(), pool.limit
        burst = limit.burst
        # TokenPool.level and usable, written out: every answer says this of each of its limits.
        if pool.local is not None:
            level = pool.local.level
        elif pool.left < 0:
            level = burst
        else:
            level = pool.left + (now - pool.heard_at) * limit.rate
            if now < pool.valid_until:
                level += pool.idle
        if level > burst:
            level = burst
        return int(level), (burst - level) / limit.rate

    def _decide(self, limits: Sequence[TokenLimit], now: float, *, waiting_since: float | None = None) -> Taken | None:
        """What the limits say together; None when one depends on the store's answer. A request that waited for that in
        vain is told what is known: that there was no token, or else what the limit says for a store that is away.
        """
        voided: list[TokenLimit] = []
        local: list[TokenLimit] = []
        refusal: Throttled | StoreAway | None = None
        asking = False
        for limit in limits:
            pool = self._stock.pool(limit, now)
            pool.witness(now)
            if pool.idle > 0 and now < pool.valid_until:
                continue
            reason: Throttled | StoreAway | None = None
            if now < pool.dry_until or (waiting_since and pool.heard_at >= waiting_since > pool.blind_until):
                reason = Throttled(limit, pool.next_in(now))
                pool.refused += 1
            elif self._stock.store_ok and not waiting_since and now >= pool.blind_until:
                asking = True
            elif limit.on_store_error == "open":
                voided.append(limit)
            elif limit.on_store_error == "closed":
                reason = StoreAway(limit, max(pool.blind_until - now, self._stock.lease_s))
            elif (wait := pool.share(now, max(1, self._workers())).next_in(now)) > 0:
                reason = Throttled(limit, wait)
            else:
                local.append(limit)
            if reason is not None and (refusal is None or reason.retry_after_s > refusal.retry_after_s):
                refusal = reason
        if refusal is not None:
            self.counts.refused += 1
            raise refusal
        return None if asking else self._use(limits, now, tuple(voided), tuple(local))

    def _use(
        self, limits: Sequence[TokenLimit], now: float, voided: tuple[TokenLimit, ...], local: tuple[TokenLimit, ...]
    ) -> Taken:
        for limit in limits:
            pool = self._pools[limit.id]
            if limit in voided:
                self.counts.voided += 1
            elif limit in local:
                self.counts.local += 1
                assert pool.local is not None
                pool.local.take(now)
            elif pool.use(now):
                self._stock.hurry(pool)
        return Taken(now, voided, local)

    def _wanted(self) -> Counter[str]:
        return Counter(limit.id for waiter in self._waiters for limit in waiter.limits)

    def _serve(self, now: float) -> None:
        """Tell those who wait what is decided by now, first come first served."""
        for waiter in list(self._waiters):
            self._answer(waiter, now)

    def _answer(self, waiter: Waiter, now: float, *, in_vain: bool = False) -> None:
        if waiter.verdict.done():
            return
        try:
            taken = self._decide(waiter.limits, now, waiting_since=waiter.since if in_vain else None)
        except (Throttled, StoreAway) as refusal:
            waiter.verdict.set_exception(refusal)
        else:
            if taken is None:
                return
            waiter.verdict.set_result(taken)
        del self._waiters[waiter]

    def _lose_patience(self, waiter: Waiter, due: float) -> None:
        loop, grace = asyncio.get_running_loop(), self._patience_s / 2
        if due and loop.time() - due > grace:
            # This process was late itself; the answer may be in its socket already. Once, for it may be late for long.
            waiter.alarm = loop.call_later(grace, self._lose_patience, waiter, 0.0)
            return
        self._stock.suspect(self._patience_s)
        self._answer(waiter, self._clock(), in_vain=True)
