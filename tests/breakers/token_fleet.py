"""Front doors that lease tokens from one real store: in this process, or as processes of their own that can be killed.

As a program it takes tokens as fast as it can and notes when each was taken:
    python -m tests.breakers.token_fleet URL FILE LIMITS
"""

import asyncio
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from breakers.admission.tokens import StoreAway, Throttled, TokenLeases, TokenLimit
from breakers.store.allowances import AllowanceStore

PREFIX = "sg"


def most_over(times: Iterable[float], rate: float, burst: float, *, since: tuple[float, float] | None = None) -> float:
    """By how many tokens the worst of all spans exceeds burst + rate * its length; 0 when none does.

    One look at each time: a bucket that gives a token for each of them never goes below zero. It was full at first, or
    `since` a time it held so much.
    """
    before, level = since or (None, float(burst))
    worst = 0.0
    for at in times:
        level = min(float(burst), level + (at - before) * rate if before is not None else level) - 1.0
        before, worst = at, min(worst, level)
    return -worst


def client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0))


class Door:
    """One process of the fleet: its leases, the loop that stocks them, and its ear on the push channel."""

    def __init__(self, url: str, name: str, *, workers: int = 1, lease_s: float = 1.0, patience_s: float = 2.0) -> None:
        self.client = client(url)
        self.ear = client(url).pubsub()
        store = AllowanceStore(self.client, PREFIX, lease_s=lease_s)
        self.leases = TokenLeases(store, name, workers=lambda: workers, patience_s=patience_s)
        self.tasks: list[asyncio.Task] = []

    async def start(self) -> "Door":
        await self.ear.subscribe(f"{PREFIX}:push")
        await self.client.ping()
        self.tasks = [asyncio.create_task(self.leases.run()), asyncio.create_task(self._listen())]
        return self

    async def _listen(self) -> None:
        while True:
            try:
                message = await self.ear.get_message(ignore_subscribe_messages=True, timeout=1.0)
            except (redis.RedisError, OSError):
                await asyncio.sleep(0.05)
                continue
            if message and message["type"] == "message":
                self.leases.nudge(json.loads(message["data"])["ids"])

    async def stop(self) -> None:
        """Vanish as a killed process does: nothing is given back."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []
        await self.ear.aclose()
        await self.ear.connection_pool.disconnect()
        await self.client.aclose()

    async def leave(self) -> None:
        """Vanish as a process does that ends in order."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.leases.close()
        await self.stop()

    async def passes(self, *limits: TokenLimit) -> bool:
        try:
            await self.leases.take(limits)
        except (Throttled, StoreAway):
            return False
        return True

    async def hammers(self, until: float, *limits: TokenLimit) -> list[int]:
        """Take as fast as tokens come until then (monotonic); when each was taken, in ns of the machine's clock."""
        times = []
        while time.monotonic() < until:
            if self.leases_one(limits) or await self.passes(*limits):
                times.append(time.time_ns())
            else:
                await asyncio.sleep(0.001)
        return times

    def leases_one(self, limits: tuple[TokenLimit, ...]) -> bool:
        try:
            return self.leases.try_take(limits) is not None
        except (Throttled, StoreAway):
            return False


class Hammer:
    """A process that takes tokens as fast as it can until it is killed."""

    def __init__(self, url: str, file: Path, limits: list[TokenLimit]) -> None:
        self.file = file
        words = [sys.executable, "-m", "tests.breakers.token_fleet", url, str(file), msgspec.json.encode(limits)]
        self.process = subprocess.Popen(words)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def times(self) -> list[float]:
        """Seconds since the first of January 1970; notes of a killed process are whole up to its last."""
        data = self.file.read_bytes() if self.file.exists() else b""
        return [at / 1e9 for (at,) in struct.iter_unpack("<q", data[: len(data) // 8 * 8])]


async def hammer(url: str, file: str, limits: tuple[TokenLimit, ...]) -> None:
    door = await Door(url, f"hammer-{os.getpid()}", patience_s=0.05).start()
    notes = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    parent = os.getppid()
    while os.getppid() == parent:
        if door.leases_one(limits) or await door.passes(*limits):
            os.write(notes, struct.pack("<q", time.time_ns()))
        else:
            await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(hammer(sys.argv[1], sys.argv[2], tuple(msgspec.json.decode(sys.argv[3], type=list[TokenLimit]))))
