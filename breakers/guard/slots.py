"""Leases of contract slots: each call takes one from this process's own, and one loop keeps them stocked and renewed.

Nothing waits for the store while idle slots are at hand. When none is, `take` asks the store once for more, and others
that own idle ones are told and hand them over within a few milliseconds. Why the provider never sees more calls than
the contract allows is said in breakers/core/rates.py (slots) and breakers/store/slots.py (leases).
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import msgspec

from breakers.core.rates import ContractLimits
from breakers.store.slots import STORE_ERRORS, Answer, Ask, SlotStore

from .leases import Exhausted, Lease, Reading, Waiter

__all__ = ["ContractLimits", "Exhausted", "Reading", "SlotLeases"]

# Renewals per lease; the longest time that a call may spend on asking for a slot; how long a refusal stands.
RENEWALS = 10
ASKING_S = 0.1
REFUSAL_STANDS_S = 0.02
CLAIM_S = 5.0  # beyond a contract's period, for those who ask again when they were told to


class SlotLeases:
    """The slots of all contracts in this process. `run` must be running; `nudge` hears what others push.

    `owner` names the process to people; a random part is added, since a process may come back under an old name.
    """

    def __init__(self, store: SlotStore, owner: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.store_ok = True
        self._store = store
        self._owner = f"{owner}.{secrets.token_hex(4)}"
        self._clock = clock
        self._leases: dict[int, Lease] = {}
        self._seq = self._generation = 0
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._urgent: set[int] = set()

    def configure(self, contracts: Mapping[int, ContractLimits]) -> None:
        """New terms take effect at once and forget nothing that is busy; slots of contracts that are gone go back."""
        for id, limits in contracts.items():
            self._set(id, limits)
        for id in self._leases.keys() - contracts.keys():
            self._set(id, msgspec.structs.replace(self._leases[id].limits, limit=0))

    def _set(self, id: int, limits: ContractLimits) -> None:
        lease = self._leases.get(id)
        if lease is None:
            self._leases[id] = Lease(limits, self._holder())
        elif lease.limits != limits:
            lease.limits, lease.refused_until = limits, 0.0
            lease.pool.resize(limits.limit, limits.period_s)

    def _holder(self) -> str:
        self._generation += 1
        return f"{self._owner}.{self._generation}"

    # What a call does

    def try_take(self, id: int) -> bool:
        """Take an idle slot, if there is one and nobody waits for it already."""
        lease = self._leases[id]
        return not lease.waiters and lease.pool.take(self._clock())

    async def take(self, id: int, *, max_wait_s: float = 0.0) -> None:
        """Take a slot, after asking the store for more when none is idle; wait in line for up to `max_wait_s`.

        Raises Exhausted. While the store is away and the contract says "allow", passes without a slot, and counts it.
        """
        if self.try_take(id):
            return
        lease, now = self._leases[id], self._clock()
        patient = max_wait_s > 0
        if not self.store_ok and not now < lease.pool.valid_until:
            self._without_store(lease)
            return
        if not patient and (not self.store_ok or now < lease.refused_until):
            raise lease.exhausted(now)
        waiter = Waiter(asyncio.get_running_loop().create_future(), patient)
        lease.waiters.append(waiter)
        self._set_alarm(lease, now)
        if self.store_ok and now >= lease.refused_until:
            self._hurry(id)
        try:
            await asyncio.wait((waiter.verdict,), timeout=max_wait_s if patient else ASKING_S)
        except asyncio.CancelledError:
            if not waiter.verdict.done():
                lease.waiters.remove(waiter)
            elif waiter.verdict.result() is None:
                self.give_back(id)
            raise
        if not waiter.verdict.done():
            lease.waiters.remove(waiter)
            raise lease.exhausted(self._clock())
        verdict = waiter.verdict.result()
        if verdict is not None and verdict.reason == "store":
            self._without_store(lease)
        elif verdict is not None:
            raise verdict

    def settle(self, id: int) -> None:
        """The call was sent and has ended: its slot is busy for one period more."""
        lease, now = self._leases[id], self._clock()
        lease.pool.settle(now)
        if lease.waiters and lease.alarm is None:
            self._set_alarm(lease, now)

    def give_back(self, id: int) -> None:
        """The call was never sent: its slot is idle again."""
        lease = self._leases[id]
        lease.pool.give_back()
        if lease.waiters:
            self._serve(lease, self._clock())

    def valid(self, id: int) -> bool:
        """Whether the lease still holds: to be asked right before sending when time has passed since the take."""
        return self._clock() < self._leases[id].pool.valid_until

    def reading(self, id: int) -> Reading:
        lease, now = self._leases[id], self._clock()
        pool = lease.pool
        pool.warm(now)
        return Reading(pool.idle, pool.busy, len(pool.cooling), now < pool.valid_until, lease.voided)

    def _without_store(self, lease: Lease) -> None:
        if lease.limits.on_store_error == "refuse":
            raise Exhausted(self._store.lease_s, "store")
        lease.voided += 1
        lease.pool.strangers += 1

    # Slots kept for later, under a name

    async def reserve(self, id: int, holder: str, ttl_s: float, *, first: bool = False) -> None:
        """Keep one slot for one call of `holder`, for `ttl_s`; doing it again extends it. Raises Exhausted.

        Of those who are refused, who goes `first` gets the next slot that comes free in the fleet, if it asks again.
        A flushed store forgets reservations: whoever spends one that is older than a lease reserves again first.
        """
        limits = self._leases[id].limits
        try:
            claim_s = limits.period_s + CLAIM_S if first else 0.0
            source, _ = await self._store.reserve(limits, holder, ttl_s, claim_s=claim_s)
            if source:
                return
            await self.take(id)
            await self._pass_on(id, holder, ttl_s)
        except STORE_ERRORS as error:
            raise Exhausted(self._store.lease_s, "store") from error

    async def _pass_on(self, id: int, holder: str, ttl_s: float) -> None:
        """Turn the slot just taken into a reservation."""
        async with self._turn:
            lease = self._leases[id]
            if lease.pool.strangers:  # a call without a slot, or one whose lease was lost: nothing certain to pass on
                self.give_back(id)
                raise Exhausted(self._store.lease_s, "store")
            # Given up before asking: when the answer is lost, the next renewal tells the store either way.
            lease.pool.part()
            self._seq += 1
            source, wait_ms = await self._store.reserve(lease.limits, holder, ttl_s, giver=lease.holder, seq=self._seq)
            if not source:
                raise Exhausted(max(wait_ms / 1000, 0.001), "exhausted")

    async def release(self, id: int, holder: str) -> None:
        """The call of a reservation has ended: its slot is busy for one period more."""
        try:
            await self._store.release(self._leases[id].limits, holder)
        except STORE_ERRORS:
            return  # it lapses by itself, which takes longer

    # The loop that talks to the store

    def nudge(self, ids: Iterable[int]) -> None:
        """Others need slots of these contracts, or have let some go."""
        for id in ids:
            lease = self._leases.get(id)
            if lease is not None and lease.concerned:
                lease.refused_until = 0.0
                self._hurry(id)

    def _hurry(self, id: int) -> None:
        self._urgent.add(id)
        self._wake.set()

    async def run(self) -> None:
        """Renew everything ten times per lease, and what is urgent at once; ends only by cancellation.

        An owner without slots still looks in, so that the ledger knows since when it is complete.
        """
        this = asyncio.current_task()
        assert this is not None
        renew_at = self._clock()
        while True:
            if renewal := self._clock() >= renew_at:
                renew_at = self._clock() + self._store.lease_s / RENEWALS
            ids, self._urgent = self._leases.keys() if renewal else self._urgent, set()
            self._wake.clear()
            await self._exchange([self._leases[id] for id in ids if id in self._leases], renewal=renewal)
            if this.cancelling():
                # The client sends under asyncio.wait_for, which on Python 3.11 may swallow a cancellation.
                raise asyncio.CancelledError
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, renew_at - self._clock())):
                    await self._wake.wait()

    async def close(self) -> None:
        """Give back what is idle; what is busy or cooling lapses by itself."""
        self.configure({})
        await self._exchange(list(self._leases.values()), renewal=True)

    async def _exchange(self, leases: list[Lease], *, renewal: bool) -> None:
        async with self._turn:
            sent_at = self._clock()
            if renewal:
                self._leases = {id: lease for id, lease in self._leases.items() if not lease.over}
            told = [lease for lease in leases if lease.concerned]
            asks = [lease.ask(sent_at, renewal=renewal) for lease in told]
            if not renewal and not asks:
                return
            self._seq += 1
            try:
                async with asyncio.timeout(self._store.lease_s / 2):
                    answers = await self._store.exchange(self._seq, asks)
            except STORE_ERRORS:
                self._store_lost()
                return
        self.store_ok = True
        for lease, ask, answer in zip(told, asks, answers, strict=True):
            self._hear(lease, ask, answer, sent_at)

    def _hear(self, lease: Lease, ask: Ask, answer: Answer, sent_at: float) -> None:
        now, pool = self._clock(), lease.pool
        lease.free_elsewhere_at = now + answer.wait_ms / 1000 if answer.wait_ms > 0 else 0.0
        if answer.owned < ask.keep:
            pool.lapse()
            lease.holder, lease.recorded = self._holder(), 0
            self._hurry(ask.id)
            return
        lease.recorded = answer.owned
        pool.confirm(answer.owned - ask.keep, sent_at, sent_at + self._store.lease_s)
        if pool.owe(answer.owed):
            self._hurry(ask.id)
        self._serve(lease, now)
        if lease.waiters and answer.owned > ask.keep:
            self._hurry(ask.id)
        elif ask.want and answer.owned == ask.keep and not answer.elsewhere:
            lease.refused_until = now + REFUSAL_STANDS_S
            lease.refuse(now, "exhausted")

    def _store_lost(self) -> None:
        """Slots owned may be used until their lease ends; whoever waits for others hears that the store is away."""
        self.store_ok, now = False, self._clock()
        for lease in self._leases.values():
            if now < lease.pool.valid_until:
                lease.refuse(now, "exhausted")
            else:
                lease.refuse(now, "store", everyone=True)

    def _serve(self, lease: Lease, now: float) -> None:
        owed = lease.pool.owed
        lease.serve(now)
        if lease.pool.owed < owed:
            self._hurry(lease.limits.id)
        self._set_alarm(lease, now)

    def _set_alarm(self, lease: Lease, now: float) -> None:
        """While calls wait, come back when the next slot here has cooled."""
        if not lease.waiters or lease.alarm is not None:
            return
        ready = lease.pool.ready_in(now)
        if ready is not None and now < lease.pool.valid_until:
            lease.alarm = asyncio.get_running_loop().call_later(ready, self._ring, lease)

    def _ring(self, lease: Lease) -> None:
        lease.alarm = None
        self._serve(lease, self._clock())
