"""Benchmarks over HTTP: each loads ours and a peer in turn and compares the CPU time of the server."""

import asyncio
import json
import urllib.request

from .bed import Bed, Server
from .figures import Aim, Entry
from .load import Aimed, Measured, alternate

DELAY = "/-/processing-delay"
UNIT = "requests/s on one core"
AIM = Aim(at_least=0.85)
# Fields that the server, and not the application, writes.
OWN = ("connection", "content-length", "date", "server")


def configure(backend: Server) -> None:
    """Targets with defaults, three with a contract for the fan-out, one journey, and routes of some variety."""
    from breakers.operations import journeys, targets
    from compositions.operations import routes
    from controlplane.kernel.access import Principal

    by, base_url = Principal.system("benchmarks"), f"http://127.0.0.1:{backend.port}"
    contract = {"limit": 100_000, "period_s": 1, "on_exhausted": "wait"}
    targets.put("catalog", {"base_url": base_url}, by=by)
    targets.put("uncached", {"base_url": base_url, "cache": {"write_through": False}}, by=by)
    for slug in ("one", "two", "three"):
        targets.put(slug, {"base_url": base_url, "contracts": [contract]}, by=by)
    journeys.put("search", {"title": "Searching", "targets": ["catalog"], "severity": "info", "messages": {}}, by=by)
    integration = {"type": "target", "target": "catalog"}
    paths = {"articles": "/articles/{id}", "rest": "/{rest+}", "fixed": "/search/advanced"}
    paths |= {f"area-{number}": f"/areas/{number}/{{thing}}/items/{{id}}" for number in range(20)}
    for slug, path in paths.items():
        routes.put(slug, {"methods": ["GET"], "path": path, "integration": integration}, by=by)
    routes.put(
        "plain",
        {"methods": ["GET"], "path": "/plain/{id}", "integration": {"type": "target", "target": "uncached"}},
        by=by,
    )


def pass_through(bed: Bed, backend: Server) -> list[Entry]:
    """One GET through front door and guard to a target with default settings, the answer kept for bad days."""
    ours = bed.server()
    bare = bed.server("benchmarks.peers:unguarded", BENCH_BACKEND=f"127.0.0.1:{backend.port}")
    door = bed.server("benchmarks.planes:front_door_without_guard")
    bare_client = "bare app, same server and client"
    guarded, uncached, unguarded, only_door = in_turn(
        Aimed("the front door", ours.port, "/articles/7", ours.pids),
        Aimed("the front door without cache", ours.port, "/plain/7", ours.pids),
        Aimed("the pass-through without guard", bare.port, "/articles/7", bare.pids),
        Aimed("the front door without guard", door.port, "/articles/7", door.pids),
    )
    bed.stop(ours, bare, door)
    return [
        entry("pass-through", guarded, unguarded, bare_client, AIM),
        entry("pass-through, guard alone", guarded, only_door, "the same front door, guard taken out", AIM),
        entry("pass-through, no answers kept", uncached, unguarded, bare_client),
    ]


def fan_out(bed: Bed, backend: Server) -> list[Entry]:
    """Three guarded calls side by side, each with a contract and a kept answer, merged into one document."""
    ours = bed.server("benchmarks.planes:fan_out")
    bare = bed.server("benchmarks.peers:bare_fan_out", BENCH_BACKEND=f"127.0.0.1:{backend.port}")
    guarded, plain = in_turn(
        Aimed("the guarded fan-out", ours.port, "/fan-out", ours.pids),
        Aimed("the bare fan-out", bare.port, "/fan-out", bare.pids),
    )
    bed.stop(ours, bare)
    return [entry("fan-out to three", guarded, plain, "Starlette + aiohttp, no guard", Aim(at_least=1.5))]


def delay_flag(bed: Bed, backend: Server) -> list[Entry]:
    """The flag as a page polls it: whole, and unchanged since the last time."""
    ours = bed.server()
    etag = read(ours)[0]["etag"]
    raw = constant(bed, ours)
    asks = (f"If-None-Match: {etag}",)
    whole, raw_200, not_modified, raw_304 = in_turn(
        Aimed("the delay flag", ours.port, DELAY, ours.pids),
        Aimed("the raw handler", raw.port, "/", raw.pids),
        Aimed("the delay flag unchanged", ours.port, DELAY, ours.pids, 304, asks),
        Aimed("the raw handler for 304", raw.port, "/unchanged", raw.pids, 304, asks),
    )
    bed.stop(ours, raw)
    aim = Aim(at_least=0.8)
    return [
        entry("delay flag, 200", whole, raw_200, "raw ASGI handler, same bytes", aim),
        entry("delay flag, 304", not_modified, raw_304, "raw ASGI handler, same bytes", aim),
    ]


def constant(bed: Bed, ours: Server) -> Server:
    """A raw ASGI handler that answers `/` and `/unchanged` with the bytes that our flag has now."""
    fields, body = read(ours)
    mirrored = [(name, value) for name, value in fields.items() if name not in OWN]
    unchanged = [field for field in mirrored if field[0] != "content-type"]
    answers = {"/": (200, mirrored, body), "/unchanged": (304, unchanged, "")}
    return bed.server("benchmarks.peers:constant", BENCH_CONSTANT=json.dumps(answers))


def read(server: Server) -> tuple[dict[str, str], str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{DELAY}", timeout=5) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode()


def in_turn(*targets: Aimed) -> list[Measured]:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(alternate(targets, rounds=9, seconds=1.0))


def entry(name: str, ours: Measured, peer: Measured, versus: str, aim: Aim | None = None) -> Entry:
    note = (
        f"{ours.cpu_s_each * 1e6:.0f} µs of CPU for each request beside {peer.cpu_s_each * 1e6:.0f}; idle, "
        f"{ours.idle:.1%} of a core beside {peer.idle:.1%}; by the clock {ours.per_s:,.0f}/s beside {peer.per_s:,.0f}/s"
    )
    return Entry(name, ours.per_core, UNIT, versus, ours.per_core / peer.per_core, aim, note)
