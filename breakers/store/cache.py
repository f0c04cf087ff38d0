"""Kept answers, shared by all processes: one key each, under the hash tag of its target, expiring by itself."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

SCAN_PAGE = 500


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An answer without what belongs to one connection; `stored_at_ms` is the store's time at which it was given."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    stored_at_ms: int


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
        self._prefix = prefix
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Entry).decode

    def _name(self, slug: str, key: str) -> str:
        # A digest, because keys carry what vary_headers name, credentials among them.
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return f"{{{self._prefix}:t:{slug}}}:cache:{digest}"

    async def read(self, slug: str, key: str) -> Entry | None:
        value: Any = await self._valkey.get(self._name(slug, key))
        if value is None:
            return None
        try:
            return self._decode(value)
        except msgspec.DecodeError:  # written by another version of this product
            return None

    async def write(self, writes: Sequence[Write]) -> None:
        """All of them in one round trip."""
        pipeline = self._valkey.pipeline(transaction=False)
        for write in writes:
            pipeline.set(self._name(write.slug, write.key), self._encode(write.entry), px=max(1, write.lifetime_ms))
        await pipeline.execute()

    async def purge(self, slug: str) -> int:
        """Delete everything that is kept of a target; returns how many answers that were."""
        tag = f"{{{self._prefix}:t:{slug}}}:cache:"
        pattern = "".join(f"\\{letter}" if letter in "*?[]^-\\" else letter for letter in tag) + "*"
        deleted = 0
        page: list[Any] = []
        async for name in self._valkey.scan_iter(match=pattern, count=SCAN_PAGE):
            page.append(name)
            if len(page) == SCAN_PAGE:
                deleted += int(await self._valkey.unlink(*page))
                page.clear()
        if page:
            deleted += int(await self._valkey.unlink(*page))
        return deleted
