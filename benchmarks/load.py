"""A bounded load of keep-alive GETs, and the CPU time that the processes under test spent on it.

On two cores the generator and the backends can be slower than the thing under test, and wall-clock throughput would
then compare the generator with itself. What counts is the CPU time that the server itself spends on a request. What it
spends without any request (heartbeats, renewals) is measured apart: it must not weigh more because the load is light.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 32
IDLE_S = 3.0


class Aimed(NamedTuple):
    """Where a load goes. `pids` are the processes whose CPU time counts."""

    name: str
    port: int
    path: str
    pids: tuple[int, ...]
    status: int = 200
    fields: tuple[str, ...] = ()
    body: str = ""  # posted where there is one

    @property
    def message(self) -> bytes:
        fields = (f"Host: 127.0.0.1:{self.port}", "User-Agent: bench", "Accept: */*", *self.fields)
        if not self.body:
            return "\r\n".join((f"GET {self.path} HTTP/1.1", *fields, "", "")).encode()
        length = f"Content-Length: {len(self.body)}"
        return "\r\n".join((f"POST {self.path} HTTP/1.1", *fields, length, "", self.body)).encode()


class Round(NamedTuple):
    requests: int
    seconds: float
    cpu_s: float


class Measured(NamedTuple):
    """Over all rounds: the least CPU for a request, since what neighbours do to a shared core only adds to it, and the
    median of throughput by the clock. `idle` is the share of a core that the server takes without any load.
    """

    cpu_s_each: float
    per_s: float
    idle: float

    @property
    def per_core(self) -> float:
        """Requests per second that one core of its own would let the server answer."""
        return (1 - self.idle) / self.cpu_s_each


async def alternate(targets: Iterable[Aimed], *, rounds: int, seconds: float) -> list[Measured]:
    """Load each target in turn, `rounds` times over, so that a noisy neighbour disturbs all of them alike."""
    targets = list(targets)
    for target in targets:
        await drive(target, seconds=1.0)
    await asyncio.sleep(0.5)
    before = [cpu_seconds(target.pids) for target in targets]
    await asyncio.sleep(IDLE_S)
    idle = [(cpu_seconds(target.pids) - cpu_s) / IDLE_S for target, cpu_s in zip(targets, before, strict=True)]
    done: list[list[Round]] = [[] for _ in targets]
    for number in range(rounds):
        order = list(zip(targets, done, strict=True))
        for target, kept in order if number % 2 == 0 else reversed(order):
            kept.append(await drive(target, seconds=seconds))
    return [
        Measured(
            min((r.cpu_s - share * r.seconds) / r.requests for r in kept),
            median(r.requests / r.seconds for r in kept),
            share,
        )
        for kept, share in zip(done, idle, strict=True)
    ]


async def drive(target: Aimed, *, seconds: float) -> Round:
    """One round. Raises RuntimeError for an answer with another status, and TimeoutError when answers stay away."""
    loop = asyncio.get_running_loop()
    cpu_s, started = cpu_seconds(target.pids), time.perf_counter()
    clients = [_Client(target, started + seconds, loop.create_future()) for _ in range(CONNECTIONS)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", target.port)
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), seconds + 15)
    took = time.perf_counter() - started
    return Round(sum(client.requests for client in clients), took, cpu_seconds(target.pids) - cpu_s)


class _Client(asyncio.Protocol):
    """One connection that sends the next request as soon as an answer is complete."""

    def __init__(self, target: Aimed, stop_at: float, done: "asyncio.Future[None]") -> None:
        self.name, self.message = target.name, target.message
        self.status, self.bodiless = b"HTTP/1.1 %d" % target.status, target.status == 304
        self.stop_at, self.done = stop_at, done
        self.requests = 0
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert hasattr(transport, "write")
        self.transport = transport
        transport.write(self.message)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, split, body = self.buffer.partition(b"\r\n\r\n")
        if not split:
            return
        if not head.startswith(self.status):
            self._end(RuntimeError(f"{self.name} answered {head[:200]!r} {body[:300]!r}"))
            return
        at = -1 if self.bodiless else head.lower().index(b"content-length:")
        if at >= 0 and len(body) < int(head[at + 15 : at + 25].split(b"\r\n", 1)[0]):
            return
        self.buffer = b""
        self.requests += 1
        if time.perf_counter() < self.stop_at:
            self.transport.write(self.message)
        else:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionError(f"{self.name} closed a connection: {exc}"))

    def _end(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)
            self.transport.close()


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def family(pid: int) -> tuple[int, ...]:
    """A process and all that descend from it."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return (pid, *(member for child in children for member in family(child)))
