"""What the inbound door adds to a request: a key of ten thousand, a hundred rules, tokens and a quota at hand.

identify + screen + meter      everything that a keyed route asks, with the RateLimit fields of its answer
no gate                        a route that asks nothing
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

from .bed import UNDER_TEST, Bed, cores
from .figures import Aim, Entry

KEYS, RULES = 10_000, 100
CALLING = range(0, KEYS, KEYS // 10)
ROUNDS, CALLS, BATCH = 15, 4_000, 40
BELOW = Aim(below=15)
HEADERS = [
    (b"host", b"api.example.com"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    ),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"accept-language", b"en-GB,en;q=0.9,de;q=0.8"),
]


def admission(bed: Bed) -> list[Entry]:
    import uvloop

    from breakers.operations import consumers, plans
    from controlplane.kernel.access import Principal

    by = Principal.system("benchmarks")
    plans.put("gold", {"quota": {"limit": 10**12, "period": "DAY"}}, by=by)  # the ledger wants to know whose it is
    for number in CALLING:
        consumers.put(f"c{number}", {}, by=by)
    with cores(UNDER_TEST), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_admission())


async def _admission() -> list[Entry]:
    from django.conf import settings

    from breakers.admission.door import Inbound
    from breakers.dataplane import DataPlane
    from controlplane.kernel.valkey import connect

    plane = DataPlane("frontdoor")
    await plane.start()
    door, snapshot = plane.admission, _Configured()
    store = connect(settings.VALKEY_URL)
    await asyncio.sleep(1.2)  # a store that is new gives no tokens before a lease has passed
    door.configure(snapshot)
    gate = door.gate("main", "guarded")
    if gate is None or door.gate("main", "open") is not None:
        raise RuntimeError("the gates are not as configured")
    # What those who call hold is leased and drawn; the others only make the table of keys as large as it is.
    requests = [
        Inbound(
            method="GET",
            counted_as="GET",
            path="/articles/7",
            raw_path="/articles/7",
            query="page=2&size=50",
            headers=[*HEADERS, (b"x-api-key", _secret(number).encode())],
            peer="203.0.113.7",
            sources=(),
            body_bytes=0,
        )
        for number in CALLING
    ]
    turn = iter(range(10**9))

    async def through() -> None:
        await door.admit(gate, requests[next(turn) % 10])

    async def nothing() -> None:
        requests[next(turn) % 10]

    async def no_gate() -> None:
        door.gate("main", "open")
        requests[next(turn) % 10]

    try:
        await _warm(through)
        before, began = _commands(store), time.perf_counter()
        costs = await _costs(through=through, nothing=nothing, no_gate=no_gate)
        seconds = time.perf_counter() - began
        sent = _commands(store) - before - 1
        before, began = _commands(store), time.perf_counter()
        await asyncio.sleep(2)
        idle_per_s = (_commands(store) - before - 1) / (time.perf_counter() - began)
    finally:
        await plane.close()
        store.close()
    calls = ROUNDS * CALLS
    per_call = max(0.0, sent - idle_per_s * seconds) / calls
    base = costs["nothing"]
    what = f"{KEYS:,} keys, {RULES} rules, plan rate and quota, a throttle for everything; RateLimit fields included"
    return [
        Entry("identify + screen + meter", costs["through"] - base, "µs", aim=BELOW, note=what),
        Entry(
            "commands per admitted request", per_call, "Valkey commands", aim=Aim(below=0.1), note=f"{calls:,} requests"
        ),
        Entry("a route that asks nothing", costs["no_gate"] - base, "µs"),
    ]


async def _costs(**works: Callable[[], Awaitable[object]]) -> dict[str, float]:
    """µs of CPU of this thread for each call of each work: medians of turns that alternate."""
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


async def _warm(work: Callable[[], Awaitable[object]]) -> None:
    """Until tokens and units are held for the demand to come."""
    from breakers.admission.errors import NotAdmitted

    until = time.perf_counter() + 4
    while time.perf_counter() < until:
        try:
            for _ in range(BATCH):
                await work()
        except NotAdmitted:
            pass
        await asyncio.sleep(0.002)


def _commands(store: Any) -> int:
    return int(store.info("stats")["total_commands_processed"])


def _secret(number: int) -> str:
    return f"sgk_{number:08d}_{hashlib.sha256(str(number).encode()).hexdigest()[:32]}"


class _Configured:
    """A configuration as the compilers make it, without their database."""

    def __init__(self) -> None:
        from controlplane.config.pieces import Piece

        quota = {"limit": 10**12, "period": "DAY", "time_zone": "UTC", "offset_h": 0}
        limit = {"title": "", "on_store_error": "open", "burst": 10**6, "rate": 10**6, "created_at_ms": 4 * 10**12}
        plan = {**limit, "slug": "gold", "quota": quota, "stages": ["main"], "overrides": [], "mode": "enforce"}
        everything = {**limit, "slug": "all", "scope": "account", "stage": None, "route": None, "method": None}
        stage = {**limit, "slug": "main", "rate": None, "hosts": [], "base_path": "/", "trusted_proxies": []}
        shards: dict[str, list[dict[str, Any]]] = {}
        for number in range(KEYS):
            digest = hashlib.sha256(_secret(number).encode()).hexdigest()
            key = {"id": f"k{number}", "hash": digest, "prefix": _secret(number)[:12], "consumer": f"c{number}"}
            shards.setdefault(digest[:2], []).append({**key, "plans": ["gold"]})
        found = [
            Piece("stage", "main", stage),
            Piece("plan", "gold", plan),
            Piece("throttle", "all", everything),
            Piece("route", "guarded", {"methods": ["GET"], "api_key_required": True}),
            *(Piece("keys", slug, {"keys": keys}) for slug, keys in shards.items()),
            *(Piece("rule", f"rule-{number:03d}", _rule(number)) for number in range(RULES)),
        ]
        self._pieces = [piece.sealed() for piece in found]

    def of(self, kind: str) -> dict[str, Any]:
        return {piece.slug: piece for piece in self._pieces if piece.kind == kind}


def _rule(number: int) -> dict[str, Any]:
    """A mix as installations have it: addresses, user agents, paths, parameters, and some that count."""
    statements = [
        {"ip": [f"198.51.{number}.0/24", f"192.0.2.{number}"]},
        {"header": {"name": "user-agent", "contains": f"bot-{number}", "ignore_case": True}},
        {"path": {"starts": f"/admin-{number}"}},
        {"all": [{"method": ["POST"]}, {"path": {"ends": f".php{number}"}}]},
        {
            "any": [
                {"query": {"name": f"debug{number}", "present": True}},
                {"size": {"of": "query", "over": 4000 + number}},
            ]
        },
    ]
    rate = {"limit": 10**6, "window_s": 60, "keys": ["ip", "path"]} if number % 50 == 49 else None
    return {
        "slug": f"rule-{number:03d}",
        "title": "",
        "priority": number,
        "enabled": True,
        "stage": None,
        "statement": {} if rate else statements[number % len(statements)],
        "label": "",
        "rate": rate,
        "action": "block",
        "answer": None,
    }
