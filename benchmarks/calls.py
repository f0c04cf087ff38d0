"""Benchmarks inside one process: what the guard adds to a call that succeeds, in µs, and how often it talks to Valkey.

Everything is timed in turns of some thousand calls, a few at a time between two looks of the event loop, so that the
background work of the data plane (flushes, renewals, heartbeats) is paid for by the calls that cause it. CPU time of
this thread is what counts; a neighbour on the same core does not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import pybreaker
import redis

from .bed import UNDER_TEST, Bed, cores
from .figures import Aim, Entry

ROUNDS = 15
CALLS = 4_000
BATCH = 40  # calls between two looks of the event loop
PROOF = 100_000
BELOW = Aim(below=10)


def overhead(bed: Bed) -> list[Entry]:
    import uvloop

    with cores(UNDER_TEST), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_overhead())


async def _overhead() -> list[Entry]:
    from django.conf import settings

    from breakers.dataplane import DataPlane
    from breakers.guard.messages import Request
    from breakers.guard.transport import WireAnswer

    plane = DataPlane("frontdoor")
    await plane.start()
    headers = [("content-type", "application/json"), ("content-length", "2")]

    async def answer_at_once(request: Request, *, timeout_s: float) -> WireAnswer:
        return WireAnswer(200, headers, b"{}")

    for guarded in plane.circuits.values():
        plane.wire(guarded).send = answer_at_once  # type: ignore[method-assign]
    request, call = Request("GET", "/articles/7"), plane.guard.call
    contract = plane.circuits["one"].slots[0]

    async def bare() -> None:
        await answer_at_once(request, timeout_s=1)

    async def breaker() -> None:
        await call("uncached", request)

    async def breaker_and_cache() -> None:
        await call("catalog", request)

    async def all_gates() -> None:
        await call("one", request)

    def slot() -> None:
        if not plane.slots.try_take(contract):
            raise RuntimeError("no slot is leased")
        plane.slots.settle(contract)

    def no_op() -> None:
        return None

    store = redis.Redis.from_url(settings.VALKEY_URL)
    local = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30)
    shared = pybreaker.CircuitBreaker(
        fail_max=5, reset_timeout=30, state_storage=pybreaker.CircuitRedisStorage(pybreaker.STATE_CLOSED, store)
    )
    try:
        await _warm(lambda: call("one", request))
        costs = await _costs(
            bare=bare,
            breaker=breaker,
            breaker_and_cache=breaker_and_cache,
            all_gates=all_gates,
        )
        sync = await _sync_costs(
            {
                "no_op": (no_op, CALLS),
                "local": (lambda: local.call(no_op), CALLS),
                "shared": (lambda: shared.call(no_op), 100),
                "slot": (slot, 2000),
                "match": (_matching(plane.config.snapshot), CALLS),
            }
        )
        per_call, idle_per_s, seconds = await _commands(store, breaker)
        shared_commands = _counted(store, lambda: [shared.call(no_op) for _ in range(100)]) / 100
    finally:
        await plane.close()
        store.close()
    base, floor = costs["bare"], sync["no_op"]
    ours, in_memory, in_redis = costs["breaker"] - base, sync["local"] - floor, sync["shared"] - floor
    bounds: dict[str, Any] = {"aim": BELOW, "of_value": True}
    versus_memory, versus_redis = f"pybreaker in memory, {in_memory:.1f} µs", f"pybreaker on Valkey, {in_redis:.0f} µs"
    return [
        Entry("guard, closed call", ours, "µs", versus_memory, ours / in_memory, **bounds),
        Entry("guard, closed call (same)", ours, "µs", versus_redis, ours / in_redis, **bounds),
        Entry("guard + answer kept", costs["breaker_and_cache"] - base, "µs", note="cache write-through, the default"),
        Entry("guard + answer kept + contract", costs["all_gates"] - base, "µs"),
        Entry(
            "commands per closed call",
            per_call,
            "Valkey commands",
            f"pybreaker on Valkey, {shared_commands:g}",
            per_call / shared_commands,
            Aim(below=0.01),
            f"over {PROOF:,} calls in {seconds:.1f} s, commands inside scripts included; "
            f"{idle_per_s:.0f} commands a second are sent without any call and are not counted",
            of_value=True,
        ),
        Entry("contract slot, take and settle", sync["slot"] - floor, "µs"),
        Entry("route match", sync["match"] - floor, "µs", note="24 routes, a path with two parameters, one stage"),
    ]


def _matching(snapshot: Any) -> Callable[[], object]:
    from compositions.frontdoor.matching import canonical
    from compositions.frontdoor.routes import RouteTable

    entrances = RouteTable(snapshot).entrances

    def match() -> object:
        path = canonical("/areas/13/thing-9/items/42")
        entrance = entrances.find("shop.example", path)
        return entrance is not None and entrance.matcher.find("GET", path)

    return match


async def _warm(call: Callable[[], Awaitable[object]]) -> None:
    """Until the contract's slots have been leased for the rate to come."""
    from breakers.guard.errors import ContractExhausted

    until = time.perf_counter() + 3
    while time.perf_counter() < until:
        try:
            for _ in range(BATCH):
                await call()
        except ContractExhausted:
            pass
        await asyncio.sleep(0.001)


async def _costs(**works: Callable[[], Awaitable[object]]) -> dict[str, float]:
    """µs of CPU for each call of each work: medians of turns that alternate."""
    turns: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            began = time.thread_time()
            for _ in range(CALLS // BATCH):
                for _ in range(BATCH):
                    await work()
                await asyncio.sleep(0)
            turns[name].append((time.thread_time() - began) / CALLS * 1e6)
    return {name: median(kept) for name, kept in turns.items()}


async def _sync_costs(works: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """The same for plain functions; by the clock where the caller waits for a store."""
    turns: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, (work, calls) in works.items():
            clock = time.perf_counter if name == "shared" else time.thread_time
            began = clock()
            for _ in range(calls):
                work()
            turns[name].append((clock() - began) / calls * 1e6)
            await asyncio.sleep(0.02)  # leases and heartbeats are kept up
    return {name: median(kept) for name, kept in turns.items()}


async def _commands(store: "redis.Redis", work: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """Commands per call beyond those of an idle data plane, the idle ones per second, and how long the calls took."""
    await asyncio.sleep(0.5)
    before, began = _total(store), time.perf_counter()
    await asyncio.sleep(2)
    idle_per_s = (_total(store) - before - 1) / (time.perf_counter() - began)
    before, began = _total(store), time.perf_counter()
    for _ in range(PROOF // BATCH):
        for _ in range(BATCH):
            await work()
        await asyncio.sleep(0)
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.3)  # the last flush is theirs too
    spent = _total(store) - before - 1 - idle_per_s * (seconds + 0.3)
    return max(spent, 0) / PROOF, idle_per_s, seconds


def _counted(store: "redis.Redis", work: Callable[[], object]) -> float:
    before = _total(store)
    work()
    return _total(store) - before - 1


def _total(store: "redis.Redis") -> int:
    return int(store.info("stats")["total_commands_processed"])
