"""What pages, REST and metrics read about circuits and workers: one round trip, and honest when there was none."""

import time
from collections.abc import Sequence

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from breakers.core import counts
from breakers.core.machine import Circuit

from .circuits import Keys, read_circuit
from .fleet import Worker, beat_key, fleet_key, read_worker

# A worker that has not reported for so long is gone for good, not late.
FORGET_MS = 3_600_000


class CircuitReading(msgspec.Struct):
    """One circuit: its shared state, counts by second (newest last), totals since ever, and the last failures."""

    circuit: Circuit = Circuit()
    seconds: list[tuple[int, list[int]]] = []
    total: list[int] = msgspec.field(default_factory=counts.empty)
    failures: list[dict[str, object]] = []

    def last(self, span_s: int, now_ms: float) -> list[int]:
        """Counts of the last `span_s` seconds."""
        since = int(now_ms / 1000) - span_s
        return counts.total(c for second, c in self.seconds if second > since)


class BoardReading(msgspec.Struct):
    """`ok` is False when the store did not answer: then nothing below is known. `at_ms` is the store's time."""

    ok: bool
    at_ms: float
    circuits: dict[str, CircuitReading] = {}
    workers: list[Worker] = []
    beat_ms: float | None = None
    waiting: int | None = None  # tasks that wait in the queue; None when it is not in this store

    def circuit(self, slug: str) -> CircuitReading:
        return self.circuits.get(slug) or CircuitReading()

    def applied(self, version: int) -> tuple[int, int]:
        """(front doors that apply at least this configuration version, front doors that are alive)."""
        alive = [w for w in self.workers if w.kind == "frontdoor" and w.fresh(self.at_ms)]
        return sum(w.version >= version for w in alive), len(alive)


def read_board(valkey: Redis, prefix: str, slugs: Sequence[str], *, queue: str = "") -> BoardReading:
    """Read everything at once; `queue` is the key of the Celery queue whose length is of interest."""
    pipeline = valkey.pipeline(transaction=False)
    pipeline.time()
    pipeline.hgetall(fleet_key(prefix))
    pipeline.get(beat_key(prefix))
    pipeline.llen(queue or f"{prefix}:no-queue")
    for slug in slugs:
        keys = Keys(prefix, slug)
        pipeline.hgetall(keys.circuit)
        pipeline.hgetall(keys.traffic)
        pipeline.lrange(keys.failures, 0, -1)
    try:
        (seconds, micros), fleet, beat, waiting, *rest = pipeline.execute()
    except (RedisError, OSError):
        return BoardReading(ok=False, at_ms=time.time() * 1000)
    now_ms = seconds * 1000 + micros / 1000
    readings = {slug: _reading(*parts) for slug, *parts in zip(slugs, rest[::3], rest[1::3], rest[2::3], strict=True)}
    workers = [worker for data in fleet.values() if now_ms - (worker := read_worker(data)).at_ms < FORGET_MS]
    return BoardReading(True, now_ms, readings, workers, float(beat) if beat else None, waiting if queue else None)


def _reading(circuit: dict[bytes, bytes], traffic: dict[bytes, bytes], failures: list[bytes]) -> CircuitReading:
    decoded = {field: msgspec.msgpack.decode(value) for field, value in traffic.items()}
    total = decoded.pop(b"total", counts.empty())
    seconds = sorted((int(field), value) for field, value in decoded.items())
    pairs = [word for pair in circuit.items() for word in pair]
    return CircuitReading(read_circuit(pairs), seconds, total, [msgspec.json.decode(f) for f in failures])


def kept_answers(valkey: Redis, prefix: str, slug: str, *, pages: int = 5) -> int | None:
    """How many answers of a target the cache holds; None when that would take more than a short look."""
    cursor, found = 0, 0
    try:
        for _ in range(pages):
            cursor, names = valkey.scan(cursor, match=f"{{{prefix}:t:{slug}}}:cache:*", count=1000)
            found += len(names)
            if not cursor:
                return found
    except (RedisError, OSError):
        pass
    return None
