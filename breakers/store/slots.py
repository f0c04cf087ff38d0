"""The ledger of contract slots in Valkey: who owns how many of each contract, until when, and who needs more.

All contracts share one hash, so that one call renews them all, and so that whatever loses a part of the ledger loses
the field that vouches for it too. The server's TIME is the clock.

Why the provider never sees more than `limit` calls in a window: the records of a contract never add up to more than
`limit`, for a slot is granted only when it is in no record. A record leaves the ledger when its owner says that the
slots are idle, or once its lease has run out and the last call that it could have covered has ended and cooled
(expiry + timeout + period). An owner counts its lease from before it asked, so it stops earlier than the record does.
Messages of one owner state what it keeps, not what changed, and carry a sequence number: a lost or late one only ever
leaves a record too large. After a flush, restart or failover nothing is granted until every lease that could have been
forgotten has run out and cooled; meanwhile an owner whose lease still holds may go on with what it has.
The proof takes for granted that the server's clock is slewed, not stepped.
"""

from collections.abc import Sequence

import msgspec
import redis
from redis.asyncio import Redis

from breakers.core.rates import LEASE_S, ContractLimits

from .scripts import Script, Value, run_one

# Everything by which a store can be away; an answer of the server that is an error counts too.
STORE_ERRORS = (redis.RedisError, OSError, TimeoutError)

# The record outlives the owner's own lease by this share, for clocks that run at unlike speeds.
CLOCK_SLACK = 1.05

EXCHANGE = Script("slots_ledger", "slots_exchange")
RESERVE = Script("slots_ledger", "slots_reserve")
RELEASE = Script("slots_ledger", "slots_release")

encode = msgspec.msgpack.Encoder().encode


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """What one owner says of one contract; times in ms, `ready_ms` -1 when it depends on calls still on their way.

    `keep` counts slots owned and still held, `want` those that it would take, `need` the calls that find none.
    `valid` says that the owner's lease still held when it asked.
    """

    id: int
    holder: str
    keep: int
    valid: bool
    want: int
    need: int
    ready_ms: int
    limit: int
    timeout_ms: int
    period_ms: int
    created_at_ms: int


class Answer(msgspec.Struct, frozen=True):
    """`owned` is -1 when the lease is lost. `owed` slots should go back, `elsewhere` tells that others have idle ones.

    `wait_ms` is the time until a slot may come free elsewhere, -1 when nothing is known.
    """

    owned: int
    owed: int
    elsewhere: bool
    wait_ms: int


def milliseconds(limits: ContractLimits) -> tuple[int, int]:
    """Timeout and period of a contract in whole ms, rounded up."""
    return -int(-limits.timeout_s * 1000 // 1), -int(-limits.period_s * 1000 // 1)


class SlotStore:
    """`valkey` answers in bytes and has short timeouts; errors of the store (STORE_ERRORS) reach the caller."""

    def __init__(self, valkey: Redis, prefix: str, *, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._valkey = valkey
        self._lease_ms = round(lease_s * 1000 * CLOCK_SLACK)
        self._ledger = f"{{{prefix}:slots}}:ledger"
        self._channel = f"{prefix}:push"

    async def wake(self) -> None:
        """Open the ledger, so that contracts created from now on are granted at once."""
        await self.exchange(0, [])

    async def exchange(self, seq: int, asks: Sequence[Ask]) -> list[Answer]:
        """Renew, give back and lease; `seq` rises with every message of this owner. One answer per ask, in order."""
        args: tuple[Value, ...] = (self._lease_ms, seq, self._channel, encode(asks))
        answers = await run_one(self._valkey, EXCHANGE.on([self._ledger], *args))
        return [Answer(owned, owed, bool(elsewhere), wait_ms) for owned, owed, elsewhere, wait_ms in answers]

    async def reserve(
        self,
        limits: ContractLimits,
        name: str,
        ttl_s: float,
        *,
        giver: str = "",
        seq: int = 0,
        claim_s: float = 0.0,
    ) -> tuple[int, int]:
        """(0, wait ms) when refused, (1, 0) when granted or renewed, (2, 0) when one slot of `giver` was passed on.

        With `claim_s` what is refused claims the next slot that comes free, before everybody else, for so long.
        """
        timeout_ms, period_ms = milliseconds(limits)
        terms = (limits.limit, timeout_ms, period_ms, limits.created_at_ms, self._lease_ms)
        args: tuple[Value, ...] = (limits.id, f"reserved:{name}", round(ttl_s * 1000), giver, seq, *terms)
        args += (round(claim_s * 1000), self._channel)
        source, wait_ms = await run_one(self._valkey, RESERVE.on([self._ledger], *args))
        return source, wait_ms

    async def release(self, limits: ContractLimits, name: str) -> bool:
        """False when there is no such reservation (any more)."""
        args: tuple[Value, ...] = (limits.id, f"reserved:{name}", *milliseconds(limits))
        return bool(await run_one(self._valkey, RELEASE.on([self._ledger], *args)))
