"""Who is running: every process that guards calls reports itself and the configuration that it applies."""

from typing import Literal

import msgspec
from redis.asyncio import Redis

FRESH_MS = 3000
Kind = Literal["frontdoor", "runner", "saga", "control"]


class Worker(msgspec.Struct):
    """One process's report; `at_ms` and `started_ms` are the store's time.

    `inexact` names what a front door decides without the store that would make it exact: rates, quotas, rules.
    """

    id: str
    kind: Kind
    pid: int
    host: str
    version: int
    at_ms: float
    started_ms: float
    inexact: tuple[str, ...] = ()

    def fresh(self, now_ms: float) -> bool:
        return now_ms - self.at_ms < FRESH_MS


def fleet_key(prefix: str) -> str:
    return f"{prefix}:fleet"


def beat_key(prefix: str) -> str:
    return f"{prefix}:beat"


def read_worker(data: bytes) -> Worker:
    return msgspec.json.decode(data, type=Worker)


class FleetStore:
    def __init__(self, valkey: Redis, prefix: str) -> None:
        self.valkey, self.key = valkey, fleet_key(prefix)

    async def report(self, worker: Worker) -> None:
        await self.valkey.hset(self.key, worker.id, msgspec.json.encode(worker))

    async def report_and_count(self, worker: Worker) -> int:
        """Report, and learn how many processes of the same kind are alive, in one round trip."""
        pipeline = self.valkey.pipeline(transaction=False)
        pipeline.hset(self.key, worker.id, msgspec.json.encode(worker))
        pipeline.hvals(self.key)
        _, reports = await pipeline.execute()
        workers = [read_worker(report) for report in reports]
        return sum(other.kind == worker.kind and other.fresh(worker.at_ms) for other in workers)

    async def leave(self, worker_id: str) -> None:
        await self.valkey.hdel(self.key, worker_id)
