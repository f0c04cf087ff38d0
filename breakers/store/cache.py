"""Kept answers, shared by all processes: one key each, under the hash tag of its target, expiring by itself."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from breakers.core.purges import Asked


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An answer without what belongs to one connection; `stored_at_ms` is the store's time at which it was given,
    `began_ms` that at which the call began; `tags` are those that it gave itself."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    stored_at_ms: int
    began_ms: int = 0
    tags: tuple[str, ...] = ()


class Write(msgspec.Struct, frozen=True):
    """`key` as the guard words it; `lifetime_ms` from now."""

    slug: str
    key: str
    entry: Entry
    lifetime_ms: int


class CacheStore:
    """Every method raises RedisError or OSError when the server can't be reached."""

    def __init__(self, valkey: Redis, prefix: str) -> None:
        self._valkey = valkey
        self._names = Names(prefix)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Entry).decode

    async def read(self, slug: str, key: str) -> Entry | None:
        value: Any = await self._valkey.get(self._names.entry(slug, digest(key)))
        if value is None:
            return None
        try:
            return self._decode(value)
        except msgspec.DecodeError:  # written by another version of this product
            return None

    async def write(self, writes: Sequence[Write]) -> None:
        """All of them in one round trip, with a line for each in the list of what its owner keeps."""
        pipeline = self._valkey.pipeline(transaction=False)
        lines: dict[str, dict[str, int]] = {}
        longest: dict[str, int] = {}
        for write in writes:
            slug, short = write.slug, digest(write.key)
            lifetime_ms = max(1, write.lifetime_ms)
            pipeline.set(self._names.entry(slug, short), self._encode(write.entry), px=lifetime_ms)
            lines.setdefault(slug, {})[line_of(short, write)] = write.entry.stored_at_ms
            longest[slug] = max(longest.get(slug, 0), lifetime_ms)
        for slug, stored in lines.items():
            pipeline.zadd(self._names.lines(slug), dict(stored))
            pipeline.zremrangebyscore(self._names.lines(slug), "-inf", max(stored.values()) - longest[slug])
            pipeline.pexpire(self._names.lines(slug), longest[slug])
        pipeline.zadd(self._names.owners, {slug: max(stored.values()) for slug, stored in lines.items()})
        await pipeline.execute()


class Names:
    """Of everything that is stored about kept answers. An owner's answers and their list share its hash tag."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.owners = f"{prefix}:keeping"

    def entry(self, slug: str, digest: str) -> str:
        return f"{{{self._prefix}:t:{slug}}}:cache:{digest}"

    def lines(self, slug: str) -> str:
        return f"{{{self._prefix}:t:{slug}}}:kept"


def digest(key: str) -> str:
    """Stands for a key, because keys carry what vary_headers name, credentials among them."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def line_of(short: str, write: Write) -> str:
    """What an owner's list says of one answer: digest, request (header values as digests only), and its own tags."""
    asked = Asked.of_key(write.key)
    return json.dumps([short, asked.path, asked.query, asked.headers, write.entry.tags])
