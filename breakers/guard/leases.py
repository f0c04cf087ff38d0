"""The lease of one contract in this process: its slots, the calls that wait for one, and what the store last said."""

import asyncio
from collections import deque
from typing import Literal

import msgspec

from breakers.core.rates import ContractLimits, SlotPool
from breakers.store.slots import Ask, milliseconds

Reason = Literal["exhausted", "store"]


class Exhausted(Exception):
    """No slot may be taken now: the contract's are all in use, or the store that leases them is away."""

    def __init__(self, retry_after_s: float, reason: Reason) -> None:
        super().__init__(f"no slot ({reason}), next in {retry_after_s:.3f} s")
        self.retry_after_s = retry_after_s
        self.reason: Reason = reason


class Reading(msgspec.Struct, frozen=True):
    """What this process holds of one contract; `voided` calls were let through without a slot."""

    idle: int
    busy: int
    cooling: int
    valid: bool
    voided: int


class Waiter(msgspec.Struct, eq=False):
    """`verdict` becomes None when a slot was taken for the caller. An impatient one takes the store's first no."""

    verdict: "asyncio.Future[Exhausted | None]"
    patient: bool
    asked: bool = False


class Lease:
    """One contract: its pool of slots, the calls that wait for one, and what the store last said."""

    def __init__(self, limits: ContractLimits, holder: str) -> None:
        self.limits = limits
        self.holder = holder
        self.pool = SlotPool(limits.limit, limits.period_s)
        self.waiters: deque[Waiter] = deque()
        self.alarm: asyncio.TimerHandle | None = None
        self.recorded = 0  # slots that the store counts as ours
        self.misses = 0  # refusals since the last renewal
        self.need = 0
        self.refused_until = self.free_elsewhere_at = 0.0
        self.voided = 0

    @property
    def concerned(self) -> bool:
        """Whether the store has to hear of this contract."""
        return bool(self.pool.owned or self.recorded or self.waiters or self.misses or self.need)

    @property
    def over(self) -> bool:
        """The contract is gone and nothing of it is left to settle."""
        return not (self.limits.limit or self.concerned or self.pool.strangers)

    def ask(self, now: float, *, renewal: bool) -> Ask:
        pool, limits = self.pool, self.limits
        pool.warm(now)
        used = pool.used(now) if renewal else False
        if renewal:
            # Refused callers come again: their need fades over some renewals instead of vanishing at once.
            self.need, self.misses = max(self.misses, self.need // 2), 0
        need = 0 if pool.idle else min(max(len(self.waiters), self.need, self.misses), limits.limit)
        want = max(pool.batch, len(self.waiters)) if not pool.idle and (need or used) else 0
        for waiter in self.waiters:
            waiter.asked = True
        ready = pool.ready_in(now)
        ready_ms = -1 if ready is None else int(ready * 1000) + (ready > 0)
        valid = now < pool.valid_until
        timeout_ms, period_ms = milliseconds(limits)
        return Ask(
            limits.id, self.holder, pool.owned, valid, want, need, ready_ms,
            limits.limit, timeout_ms, period_ms, limits.created_at_ms,
        )  # fmt: skip

    def exhausted(self, now: float, reason: Reason = "exhausted") -> Exhausted:
        """A refusal, with the time until a slot is known to come free, here or elsewhere; else a whole period."""
        self.misses += 1
        here = self.pool.ready_in(now)
        known = [] if here is None else [here]
        if self.free_elsewhere_at > now:
            known.append(self.free_elsewhere_at - now)
        return Exhausted(max(min(known, default=self.limits.period_s), 0.001), reason)

    def serve(self, now: float) -> None:
        """Give idle slots to those who wait, first come first served; the alarm has done its work."""
        while self.waiters and self.pool.take(now):
            self.waiters.popleft().verdict.set_result(None)
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None

    def refuse(self, now: float, reason: Reason, *, everyone: bool = False) -> None:
        """Answer impatient callers whom the store has heard (or everyone who waits) that there is no slot."""
        refused = [w for w in self.waiters if everyone or (w.asked and not w.patient)]
        for waiter in refused:
            self.waiters.remove(waiter)
            waiter.verdict.set_result(self.exhausted(now, reason))
