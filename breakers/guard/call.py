"""One call to a downstream, through every gate in one order.

    state -> bulkhead -> contract -> permit -> wire -> settle

State first, because looking is free and a refusal by an open circuit must cost no allowance. The permit last, because a
trial permit that a later gate could still block would never be settled. What was taken is settled or given back in
`finally`. Our own refusals are never outcomes, or a rate limit would open its own breaker.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from breakers.core import counts
from breakers.core.outcomes import ERRORS, Outcome
from breakers.core.settings import ContractSettings
from breakers.core.states import STOPPED, State
from controlplane.kernel.errors import NotFound

from . import stand_ins
from .cache import ResponseCache
from .circuits import Circuits, Guarded
from .errors import (
    FAILURES,
    AddressRefused,
    BreakerOpen,
    CallFailed,
    ContractExhausted,
    Refused,
    StoreUnavailable,
    TargetOverloaded,
)
from .flushing import Flusher
from .messages import Answer, Request
from .retry_after import retry_after_ms
from .slots import Exhausted, SlotLeases
from .transport import Wire, WireAnswer, WireFailure
from .trials import Mover, Permit, Trials

RESERVED_S = 30.0  # beyond the call's own time, for a step that is tried again after a crash


class Holder(NamedTuple):
    """A step that is tried again after a crash. Who goes `first` gets the next slot of a contract in the fleet."""

    name: str
    first: bool = False


class Plane(Mover, Protocol):
    """What the guard needs of the process that hosts it."""

    circuits: Circuits
    flusher: Flusher
    slots: SlotLeases
    cache: ResponseCache
    store_ok: bool

    def wire(self, guarded: Guarded) -> Wire: ...


class Guard:
    def __init__(self, plane: Plane, clock: Callable[[], float] = time.monotonic) -> None:
        self._plane, self._clock = plane, clock
        self._circuits, self._cache, self._slots = plane.circuits, plane.cache, plane.slots
        self._trials = Trials(plane)

    async def call(
        self, slug: str, request: Request, *, deadline: float | None = None, holder: Holder | None = None
    ) -> Answer:
        """Call target `slug`, or answer from cache where it may not be called.

        `deadline` is a monotonic time in seconds that the target's own timeout must not exceed. Slots of
        contracts are reserved under the name of `holder`, so that it never spends two for one call. Raises NotFound for
        an unknown target, a Refused error when no call was made and nothing cached could stand in, a CallFailed error
        when the call gave no answer. Whatever the target answered, 5xx included, is returned as it is.
        """
        guarded = self._circuits.get(slug)
        if guarded is None:
            raise NotFound(f"There is no target {slug!r}.")
        caching = guarded.settings.cache
        key = self._cache.key(guarded.settings, request) if caching.write_through else None
        if key is None or caching.ttl_s <= 0:
            # What _answer does, said again here: one coroutine less for each call.
            try:
                return await self.attempt(guarded, request, key, deadline=deadline, holder=holder)
            except (BreakerOpen, StoreUnavailable) as refusal:
                return await self._instead(guarded, key, refusal)
        now_ms = self._plane.now_ms()
        entry = self._cache.fresh(guarded.settings, key, now_ms)
        if entry is None and guarded.state not in STOPPED:
            store_ok = self._plane.store_ok
            entry = await self._cache.fetch(guarded.settings, key, now_ms, stale=False, ask=store_ok)
        if entry is not None:
            guarded.recorder.count(counts.CACHED, self._clock())
            return stand_ins.cached(entry, guarded, now_ms)
        return await self._cache.once(key, lambda: self._answer(guarded, request, key, deadline, holder))

    async def _answer(
        self, guarded: Guarded, request: Request, key: str | None, deadline: float | None, holder: Holder | None
    ) -> Answer:
        try:
            return await self.attempt(guarded, request, key, deadline=deadline, holder=holder)
        except (BreakerOpen, StoreUnavailable) as refusal:
            return await self._instead(guarded, key, refusal)

    async def _instead(self, guarded: Guarded, key: str | None, refusal: Refused) -> Answer:
        answer = await self._stand_in(guarded, key)
        if answer is None:
            raise refusal
        return answer

    async def attempt(
        self,
        guarded: Guarded,
        request: Request,
        key: str | None = None,
        *,
        deadline: float | None = None,
        holder: Holder | None = None,
    ) -> Answer:
        """The gates, in their one order. Raises Refused or CallFailed; never answers from cache."""
        settings, slots = guarded.settings, guarded.slots
        trial = False
        if guarded.state in STOPPED or guarded.circuit.state is not State.CLOSED:
            trial = self._trials.possible(guarded)
            if guarded.state in STOPPED and not trial:
                raise self._refuse(guarded, self._open(guarded))
        if not self._plane.store_ok and settings.on_store_error == "refuse":
            raise self._refuse(guarded, StoreUnavailable(settings.slug, retry_after_s=1))
        if guarded.in_flight >= settings.max_concurrency:
            limit = f"{settings.max_concurrency} calls are under way"
            raise self._refuse(guarded, TargetOverloaded(settings.slug, limit, retry_after_s=1))
        guarded.in_flight += 1
        permit: Permit | None = None
        held = 0
        sent = reserved = False
        verdict = "returned"
        try:
            if slots:
                reserved = holder is not None and await self._reserve_slots(guarded, holder)
                held = 0 if reserved else await self._take_slots(guarded)
            if trial:
                permit = await self._trials.lease(guarded)
                if permit is None and guarded.state in STOPPED:
                    raise self._refuse(guarded, self._open(guarded))
                if self._plane.store_ok and not all(map(self._slots.valid, slots[:held])):
                    lapsed = "the lease of a contract slot ran out before the call"
                    raise self._refuse(guarded, StoreUnavailable(settings.slug, lapsed, retry_after_s=1))
            epoch = guarded.circuit.epoch if guarded.counting else None
            state, started = guarded.state, self._clock()
            timeout_s = settings.timeout_ms / 1000
            if deadline is not None:
                timeout_s = max(0.001, min(timeout_s, deadline - started))
            wire = self._plane.wire(guarded)
            try:
                sent = True
                answer = await wire.send(request, timeout_s=timeout_s)
            except WireFailure as failure:
                sent = not failure.unsent  # what never reached the provider holds no slot of a contract
                outcome = settings.classifier.error(failure.error)
                verdict = _verdict(outcome)
                await self._settle(guarded, request, outcome, epoch, started, failure=failure)
                raise _failed(settings.slug, failure) from failure
            except AddressRefused:
                sent = False
                raise
            except asyncio.CancelledError:
                guarded.recorder.count(counts.IGNORED, self._clock())
                raise
            outcome = settings.classifier.status(answer.status)
            verdict = "passed" if outcome is Outcome.SUCCESS else _verdict(outcome)
            if outcome is Outcome.SUCCESS and epoch is not None and not settings.breaker.slow_marks_ms:
                self._succeeded(guarded, epoch, started)
            else:
                await self._settle(guarded, request, outcome, epoch, started, answer=answer)
            if key is not None:
                now_ms = self._plane.now_ms()
                began_ms = now_ms - (self._clock() - started) * 1000
                self._cache.keep(settings, key, answer, now_ms, began_ms=began_ms)
            return Answer(answer.status, answer.headers, answer.body, breaker=state)
        finally:
            guarded.in_flight -= 1
            if held:
                self._leave_slots(guarded, held, sent=sent)
            if reserved and sent and holder is not None:  # what was not sent stays reserved for the next try
                for slot in slots:
                    await self._slots.release(slot, holder.name)
            if permit is not None:
                await self._trials.settle(guarded, permit, verdict)

    async def probe(self, guarded: Guarded, request: Request, *, timeout_s: float) -> WireAnswer:
        """A call of our own, outside the counts: it spends contract slots, but no circuit and no bulkhead stops it.

        Raises ContractExhausted or StoreUnavailable when no slot is free, a CallFailed error without an answer.
        """
        held, sent = await self._take_slots(guarded), True
        try:
            return await self._plane.wire(guarded).send(request, timeout_s=timeout_s)
        except WireFailure as failure:
            sent = not failure.unsent
            raise _failed(guarded.slug, failure) from failure
        finally:
            self._leave_slots(guarded, held, sent=sent)

    def _succeeded(self, guarded: Guarded, epoch: int, started: float) -> None:
        """The settlement of nearly every call: a few appends, nothing awaited."""
        now = self._clock()
        guarded.recorder.success((now - started) * 1000, epoch, now)
        if guarded.circuit.streak and len(guarded.recorder.codes) == 1:
            self._plane.flusher.soon()  # a success that ends a streak must not wait behind another worker's failure

    async def _settle(
        self,
        guarded: Guarded,
        request: Request,
        outcome: Outcome,
        epoch: int | None,
        started: float,
        *,
        answer: WireAnswer | None = None,
        failure: WireFailure | None = None,
    ) -> None:
        now, recorder = self._clock(), guarded.recorder
        if guarded.state is State.DISABLED:
            return
        if outcome in (Outcome.IGNORE, Outcome.THROTTLE):
            recorder.count(counts.IGNORED if outcome is Outcome.IGNORE else counts.THROTTLED, now)
            return
        failed, latency_ms = outcome is Outcome.FAILURE, (now - started) * 1000
        recorder.outcome(
            failed=failed,
            latency_ms=latency_ms,
            marks=guarded.settings.breaker.slow_marks_ms,
            timed_out=failure is not None and failure.error == "timeout",
            epoch=epoch,
            now=now,
        )
        if not failed:
            slow = bool(recorder.codes) and recorder.codes[-1] > 65
            if slow or (guarded.circuit.streak and len(recorder.codes) == 1):
                self._plane.flusher.soon()
            return
        recorder.failure(
            at_ms=self._plane.now_ms(),
            outcome=failure.error if failure else "status",
            status=answer.status if answer else None,
            latency_ms=round(latency_ms, 1),
            method=request.method,
            path=request.path,
            detail=failure.detail if failure else "",
        )
        if answer is not None:
            recorder.retry_after_ms = max(recorder.retry_after_ms, retry_after_ms(answer.headers, self._plane.now_ms()))
        await self._plane.flusher.delivered()

    async def _take_slots(self, guarded: Guarded) -> int:
        """Take one slot of every contract; on a refusal give back those already taken."""
        slots = self._slots
        for held, contract in enumerate(guarded.settings.contracts):
            if slots.try_take(contract.id):
                continue
            max_wait_s = contract.max_wait_ms / 1000 if contract.on_exhausted == "wait" else 0.0
            try:
                await slots.take(contract.id, max_wait_s=max_wait_s)
            except BaseException as error:
                for taken in guarded.settings.contracts[:held]:
                    slots.give_back(taken.id)
                if not isinstance(error, Exhausted):
                    raise
                if error.reason == "store":
                    away = StoreUnavailable(guarded.slug, retry_after_s=error.retry_after_s)
                    raise self._refuse(guarded, away) from None
                raise self._exhausted(guarded, contract, error) from None
        return len(guarded.settings.contracts)

    async def _reserve_slots(self, guarded: Guarded, holder: Holder) -> bool:
        """Reserve a slot of every contract for one call of `holder`; False where the store cannot tell."""
        ttl_s = guarded.settings.timeout_ms / 1000 + RESERVED_S
        for contract in guarded.settings.contracts:
            try:
                await self._slots.reserve(contract.id, holder.name, ttl_s, first=holder.first)
            except Exhausted as error:
                if error.reason == "store":
                    return False
                raise self._exhausted(guarded, contract, error) from None
        return True

    def _exhausted(self, guarded: Guarded, contract: ContractSettings, error: Exhausted) -> Refused:
        words = f"no slot is free: {contract.limit} calls per {contract.period_s:g} s are allowed"
        return self._refuse(guarded, ContractExhausted(guarded.slug, words, retry_after_s=error.retry_after_s))

    def _leave_slots(self, guarded: Guarded, held: int, *, sent: bool) -> None:
        for slot in guarded.slots[:held]:
            if sent:
                self._slots.settle(slot)
            else:
                self._slots.give_back(slot)

    def _open(self, guarded: Guarded) -> BreakerOpen:
        """Why no call is made, and when to ask again: at the end of the wait, the override, or shortly."""
        now_ms, circuit, override = self._plane.now_ms(), guarded.circuit, guarded.override
        until_ms, reason = circuit.until_ms, circuit.reason
        if guarded.state is State.FORCED_OPEN and override is not None:
            until_ms, reason = override.expires_at_ms or 0, f"stopped by an operator: {override.reason}"
        retry_after_s = max(1.0, (until_ms - now_ms) / 1000)
        return BreakerOpen(guarded.slug, reason, retry_after_s=retry_after_s, state=str(guarded.state))

    def _refuse(self, guarded: Guarded, refusal: Refused) -> Refused:
        guarded.recorder.count(counts.REJECTED, self._clock())
        return refusal

    async def _stand_in(self, guarded: Guarded, key: str | None) -> Answer | None:
        """What can be said without a call: the last good answer with its age, else the static one."""
        now_ms = self._plane.now_ms()
        if key is not None:
            store_ok = self._plane.store_ok
            entry = await self._cache.fetch(guarded.settings, key, now_ms, stale=True, ask=store_ok)
            if entry is not None:
                guarded.recorder.count(counts.CACHED, self._clock())
                return stand_ins.cached(entry, guarded, now_ms)
        return stand_ins.static(guarded)


def _failed(slug: str, failure: WireFailure) -> CallFailed:
    """The caller is told what happened; the details, which may name internal addresses, are for operators only."""
    return FAILURES[failure.error](slug, ERRORS[failure.error])


def _verdict(outcome: Outcome) -> str:
    if outcome is Outcome.SUCCESS:
        return "passed"
    return "failed" if outcome is Outcome.FAILURE else "returned"
