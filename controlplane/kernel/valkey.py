"""Valkey: clients with short timeouts, the naming of keys, and Lua scripts kept in files.

Timeouts are short because every caller has a stance for "Valkey is away" and must reach it quickly.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

CONNECT_TIMEOUT_S = 0.25
SOCKET_TIMEOUT_S = 0.5

# What "Valkey is away" looks like to a caller.
Away = (RedisError, OSError)


def connect(url: str | None = None) -> redis.Redis:
    """A new synchronous client with its own pool; answers are bytes."""
    return redis.Redis.from_url(
        url or settings.VALKEY_URL,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        # A second try could count an outcome twice; and the pool already replaces connections that were closed.
        retry=Retry(NoBackoff(), 0),
    )


def connect_async(url: str | None = None, *, max_connections: int | None = None) -> redis.asyncio.Redis:
    """A new asynchronous client with its own pool, bound to the running loop; answers are bytes."""
    return redis.asyncio.Redis.from_url(
        url or settings.VALKEY_URL,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        max_connections=max_connections,
        retry=redis.asyncio.retry.Retry(NoBackoff(), 0),
    )


@cache
def _shared(url: str) -> redis.Redis:
    return connect(url)


def shared() -> redis.Redis:
    """This process's synchronous client. Its pool is thread-safe and notices a fork."""
    return _shared(settings.VALKEY_URL)


def tagged(tag: str, *rest: str) -> str:
    """`{sg:t:catalog}:circuit`: what stands in braces is the hash tag, so that one circuit's keys share a node."""
    return ":".join((f"{{{settings.KEY_PREFIX}:{tag}}}", *rest))


def named(*words: str) -> str:
    """`sg:push`: a key or channel that stands alone."""
    return ":".join((settings.KEY_PREFIX, *words))


def server_ms(client: redis.Redis) -> int:
    """The server's clock in milliseconds."""
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000


class Script:
    """One Lua verb from a file. Called by its hash; sent whole once when the server does not know it yet."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.source = path.read_text()
        # Valkey names scripts by SHA-1; nothing secret rests on it.
        self.sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, keys: list[str], *args: Any) -> Any:
        try:
            return client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client.eval(self.source, len(keys), *keys, *args)

    async def arun(self, client: redis.asyncio.Redis, keys: list[str], *args: Any) -> Any:
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await client.eval(self.source, len(keys), *keys, *args)


def scripts(folder: Path) -> dict[str, Script]:
    """Every `.lua` file of a folder, by its name without the ending."""
    return {path.stem: Script(path) for path in sorted(folder.glob("*.lua"))}
