"""Sliding windows of request rules in Valkey: what every front door has counted, shared in one round trip.

Each window of a rule and a key is a hash of counts by second of the server's clock. Keys of clients never appear: they
are digests. Windows are spread over SHARDS hash tags, so that a cluster spreads them too and one script serves many.
A share whose answer was lost may be counted twice, so a window may hold too much, never too little; it expires when it
is empty.
"""

import hashlib
from collections.abc import Sequence
from zlib import crc32

import msgspec
import redis
from redis.asyncio import Redis

from breakers.core.windows import Share

from .scripts import Script, run

SHARDS = 16
# What one script handles at most: well below a millisecond of the server's time.
BATCH = 100

SHARE = Script("windows_share")
encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """A share of a rule's window; `window` names what is counted and how, so that a changed rule begins anew."""

    window: str
    window_s: int
    share: Share


class Heard(msgspec.Struct, frozen=True):
    """The answer to one share: `total` in the window, and the counts by second from `since` on. Times in s."""

    total: int
    since: int
    counts: list[tuple[int, int]]
    now: int


class WindowStore:
    """`valkey` answers in bytes and has short timeouts; STORE_ERRORS of breakers.store.slots reach the caller."""

    def __init__(self, valkey: Redis, prefix: str) -> None:
        self.valkey = valkey
        self.prefix = prefix

    async def share(self, told: Sequence[Told], now: float) -> list[Heard | None]:
        """Tell and hear, in order; None where the store could not say. `now` is this process's idea of its clock."""
        batches: list[list[int]] = []
        shards: dict[int, list[int]] = {}
        for position, one in enumerate(told):
            shards.setdefault(self._shard(one), []).append(position)
        for positions in shards.values():
            batches += [positions[at : at + BATCH] for at in range(0, len(positions), BATCH)]
        commands = []
        for batch in batches:
            asks = [self._ask(told[position], int(now)) for position in batch]
            commands.append(SHARE.on([self.key(told[position]) for position in batch], encode(asks)))
        heard: list[Heard | None] = [None] * len(told)
        for batch, answer in zip(batches, await run(self.valkey, commands), strict=True):
            if isinstance(answer, Exception):
                continue
            second, windows = answer
            for position, (total, since, *flat) in zip(batch, windows, strict=True):
                heard[position] = Heard(total, since, list(zip(flat[::2], flat[1::2], strict=True)), second)
        return heard

    @staticmethod
    def _ask(one: Told, second: int) -> tuple[int, int, list[tuple[int, int]]]:
        return one.window_s, one.share.since, [(max(0, second - at), count) for at, count in one.share.counts]

    def key(self, one: Told) -> str:
        return key_of(self.prefix, one.window, one.share.key)

    @staticmethod
    def _shard(one: Told) -> int:
        return shard_of(one.window, one.share.key)


def key_of(prefix: str, window: str, key: str) -> str:
    """Where the window of a rule and a key is kept."""
    digest = hashlib.blake2b(key.encode(), digest_size=12).hexdigest()
    return f"{{{prefix}:window:{shard_of(window, key)}}}:{window}:{digest}"


def shard_of(window: str, key: str) -> int:
    return crc32(f"{window}:{key}".encode()) % SHARDS


def read_windows(
    valkey: redis.Redis, prefix: str, window: str, window_s: int, keys: Sequence[str], now_s: float
) -> dict[str, int]:
    """How many requests the window of each key holds now. Errors of the store reach the caller."""
    pipeline = valkey.pipeline(transaction=False)
    for key in keys:
        pipeline.hgetall(key_of(prefix, window, key))
    oldest = int(now_s) - window_s + 1
    found = {}
    for key, fields in zip(keys, pipeline.execute(), strict=True):
        seconds = ((int(second), int(count)) for second, count in fields.items() if second.isdigit())
        found[key] = sum(count for second, count in seconds if second >= oldest)
    return found
