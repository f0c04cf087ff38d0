"""What waits in each pipe, as the process that works it off saw it a moment ago; the delay flag and pages read it."""

from collections.abc import Mapping
from typing import Any

import msgspec
from redis import Redis
from redis import asyncio as redis_asyncio

FRESH_MS = 5000


class Backlog(msgspec.Struct):
    """One pipe. Times in ms of the store's clock; `eta_s` is how long the drain takes once nothing stops the pipe.

    `oldest_ms` is when the oldest waiting intent was accepted; `draining` says that what gathered while the pipe was
    stopped is being worked off, `rate_per_s` how fast (None: as fast as it goes).
    """

    waiting: int = 0
    running: int = 0
    dead: int = 0
    oldest_ms: float | None = None
    eta_s: float | None = None
    draining: bool = False
    rate_per_s: float | None = None
    paused_until_ms: float | None = None
    state: str = "RUNNING"
    stopped_by: str = ""
    reason: str = ""
    since_ms: float = 0
    journey: str = ""
    at_ms: float = 0

    def fresh(self, now_ms: float) -> bool:
        return now_ms - self.at_ms < FRESH_MS


def backlogs_key(prefix: str) -> str:
    return f"{prefix}:backlogs"


def read_backlogs(valkey: Redis, prefix: str) -> dict[str, Backlog]:
    """Every pipe's, by slug, however old. Raises RedisError or OSError."""
    found: Any = valkey.hgetall(backlogs_key(prefix))
    return _decoded(found)


class BacklogStore:
    def __init__(self, valkey: redis_asyncio.Redis, prefix: str) -> None:
        self.valkey, self.key = valkey, backlogs_key(prefix)

    async def write(self, backlogs: Mapping[str, Backlog]) -> None:
        if backlogs:
            await self.valkey.hset(self.key, mapping={slug: msgspec.json.encode(b) for slug, b in backlogs.items()})

    async def read(self) -> dict[str, Backlog]:
        """Every pipe's, by slug, however old."""
        found: Any = await self.valkey.hgetall(self.key)
        return _decoded(found)

    async def forget(self, *slugs: str) -> None:
        if slugs:
            await self.valkey.hdel(self.key, *slugs)


def _decoded(found: Mapping[bytes, bytes]) -> dict[str, Backlog]:
    return {slug.decode(): msgspec.json.decode(data, type=Backlog) for slug, data in found.items()}
