"""Trial calls of real traffic: a half-open circuit lets a few through, permitted fleet-wide, and judges by them."""

import asyncio
from typing import Protocol
from uuid import uuid4

from redis.exceptions import RedisError

from breakers.core import machine
from breakers.core.states import State
from breakers.store.circuits import CircuitStore

from .circuits import Guarded

LEASE_MARGIN_MS = 1000


class Mover(Protocol):
    """What trials need of the process that hosts them."""

    circuit_store: CircuitStore

    def now_ms(self) -> float: ...
    async def move(self, guarded: Guarded, move: machine.Move) -> machine.Circuit: ...


class Permit:
    """Leave for one trial call of a half-open circuit; an unsettled one lapses in the store."""

    __slots__ = ("epoch", "id")

    def __init__(self, permit: str, epoch: int) -> None:
        self.id, self.epoch = permit, epoch


class Trials:
    def __init__(self, plane: Mover) -> None:
        self._plane = plane

    def possible(self, guarded: Guarded) -> bool:
        """Real traffic may test recovery when no probe does, and an operator's word leaves the circuit to itself."""
        if guarded.settings.breaker.half_open_by != "traffic" or guarded.state in (State.FORCED_OPEN, State.DISABLED):
            return False
        circuit = guarded.circuit
        return circuit.state is State.HALF_OPEN or machine.after_wait(circuit, self._plane.now_ms()) is not None

    async def lease(self, guarded: Guarded) -> Permit | None:
        breaker, store = guarded.settings.breaker, self._plane.circuit_store
        lease_ms = guarded.settings.timeout_ms + LEASE_MARGIN_MS
        try:
            if move := machine.after_wait(guarded.circuit, self._plane.now_ms()):
                await self._plane.move(guarded, move)
            if guarded.circuit.state is not State.HALF_OPEN:
                return None
            permit = Permit(uuid4().hex, guarded.circuit.epoch)
            limit = breaker.permitted_number_of_calls_in_half_open_state
            leased = await store.lease_permit(guarded.slug, permit.epoch, permit.id, permitted=limit, lease_ms=lease_ms)
            return permit if leased else None
        except (RedisError, OSError):
            return None

    async def settle(self, guarded: Guarded, permit: Permit, verdict: str) -> None:
        """Settled even when the caller has gone: a verdict that was reached is never lost to a cancellation."""
        await asyncio.shield(self._judge(guarded, permit, verdict))

    async def _judge(self, guarded: Guarded, permit: Permit, verdict: str) -> None:
        try:
            passed = await self._plane.circuit_store.settle_permit(guarded.slug, permit.epoch, permit.id, verdict)
            if passed is None or guarded.circuit.epoch != permit.epoch:
                return
            failure = "see the last failures" if verdict == "failed" else None
            move = machine.after_trial(guarded.settings.breaker, guarded.circuit, passed=passed, failure=failure)
            if move:
                await self._plane.move(guarded, move)
        except (RedisError, OSError):
            return  # the permit lapses, and the half-open limit decides
