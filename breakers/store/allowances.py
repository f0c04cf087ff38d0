"""The ledger of rate limits in Valkey: for each bucket its level, and the tokens that each process has leased from it.

Why no more than `burst + rate * t` requests pass in any span `t`, whatever the number of processes:

- Level plus leases never exceed the burst, and refill by the server's TIME stops there. A token is used only by the
  process that leased it, and only while its lease holds, counted from before it asked: it stops before the ledger does.
- A process says what it keeps, not what it used. So an answer or a message that is lost costs tokens and makes none,
  and a sequence number drops messages that come late. A lease that is not renewed takes its tokens with it.
- Refill that finds the bucket full is spilled. A bucket is full too early while use has not been told; so the ledger
  remembers what was spilled, and late news of use brings back what has been spilled since that use.
- New terms keep the level, or lower it to the new burst. Time before them is refilled at the lower of both rates.
- After a flush, restart or failover (another run id, or no `ledger` key) a part of the ledger is blind until every
  lease that could have been forgotten has run out. From then on a bucket that it does not know fills from zero.

A bucket is a key of its own, which expires when it would be full; Valkey must not evict keys (`noeviction`, as the
broker needs too). The proof takes for granted that the server's clock is slewed, not stepped.
"""

from collections.abc import Sequence
from zlib import crc32

import msgspec
from redis.asyncio import Redis

from breakers.core.allowances import LEASE_S, Answer, Ask

from .scripts import Command, Script, run
from .slots import CLOCK_SLACK, STORE_ERRORS

__all__ = ["STORE_ERRORS", "AllowanceStore"]

PARTS = 16
# Buckets in one command: the server serves others in between.
CHUNK = 100

EXCHANGE = Script("tokens_ledger", "tokens_exchange")

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(list[Answer]).decode


class AllowanceStore:
    """`valkey` answers in bytes and has short timeouts; errors of the store (STORE_ERRORS) reach the caller."""

    def __init__(self, valkey: Redis, prefix: str, *, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._valkey = valkey
        self._lease_us = round(lease_s * 1_000_000 * CLOCK_SLACK)
        self._parts = [f"{{{prefix}:allow:{part}}}" for part in range(PARTS)]
        self._channel = f"{prefix}:push"

    async def exchange(self, holder: str, seq: int, asks: Sequence[Ask], *, every_part: bool = False) -> list[Answer]:
        """Give back, renew and lease, in one round trip; `seq` rises with every message of this holder.

        One answer per ask, in order. `every_part` reaches all parts of the ledger, so that each knows since when it is
        complete.
        """
        parts: dict[int, list[int]] = {part: [] for part in range(PARTS)} if every_part else {}
        for i, ask in enumerate(asks):
            parts.setdefault(crc32(ask.id.encode()) % PARTS, []).append(i)
        chunks = [
            (part, members[at : at + CHUNK])
            for part, members in parts.items()
            for at in range(0, len(members) or 1, CHUNK)
        ]
        answers: list[Answer | None] = [None] * len(asks)
        commands = [self._command(holder, seq, part, [asks[i] for i in members]) for part, members in chunks]
        for (_, members), answer in zip(chunks, await run(self._valkey, commands), strict=True):
            if isinstance(answer, Exception):
                raise answer
            for i, one in zip(members, decode(answer), strict=True):
                answers[i] = one
        return [answer for answer in answers if answer is not None]

    def _command(self, holder: str, seq: int, part: int, asks: list[Ask]) -> Command:
        tag = self._parts[part]
        keys = [f"{tag}:ledger", *(f"{tag}:bucket:{ask.id}" for ask in asks)]
        return EXCHANGE.on(keys, holder, seq, self._lease_us, self._channel, encode(asks))
