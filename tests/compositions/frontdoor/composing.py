"""A front door in this process whose routes lead to compositions, and a count of what it holds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.breakers.conftest import Fleet
from tests.compositions.flows import branches, call, sequence
from tests.servers.downstream import Downstream

from .inside import Heard, Inside, inside

NOTHING = {"Type": "Pass", "Result": None, "End": True}


class Composing:
    def __init__(self, door: Inside, fleet: Fleet, downstream: Downstream) -> None:
        self.door, self.fleet, self.downstream, self.plane = door, fleet, downstream, door.plane

    async def ask(self, path: str, method: str = "GET", *fields: tuple[str, str], **options: Any) -> Heard:
        return await self.door.ask(path, method, *fields, **options)

    async def target(self, slug: str, **blocks: Any) -> None:
        await self.fleet.target(slug, blocks.pop("base_url", self.downstream.url), **blocks)

    async def stop(self, slug: str) -> None:
        order = {"state": "FORCED_OPEN", "reason": "deploy", "by": "ann", "since_ms": 1, "expires_at_ms": None}
        await self.fleet.put("override", slug, order)

    async def serve(self, path: str, definition: dict, *, cache: dict | None = None, **fields: Any) -> None:
        """A composition of these words, behind a route of the same name."""
        slug = path.strip("/").partition("/")[0]
        body = {"slug": slug, "type": "EXPRESS", "version": 1, "definition": definition, **fields}
        await self.fleet.put("composition", slug, body)
        route = {"title": "", "methods": ["GET", "POST"], "path": path, "cache": cache or {}}
        await self.fleet.put("route", slug, route | {"integration": {"type": "composition", "composition": slug}})

    def held(self) -> dict[str, int]:
        """What must be as it was once everything is answered: calls, tasks, open sockets."""
        circuits = self.plane.circuits.values()
        return {
            "calls": sum(guarded.in_flight for guarded in circuits),
            "tasks": len(asyncio.all_tasks()),
            "sockets": sum(map(_is_socket, Path("/proc/self/fd").iterdir())),
        }

    async def settled(self, before: dict[str, int], within_s: float = 5.0) -> None:
        """Returns when no more is held than before; raises AssertionError with the difference when it stays."""
        ends = asyncio.get_running_loop().time() + within_s
        while any(self.held()[name] > count for name, count in before.items()):
            assert asyncio.get_running_loop().time() < ends, (before, self.held())
            await asyncio.sleep(0.01)


def _is_socket(descriptor: Path) -> bool:
    with contextlib.suppress(OSError):  # the one that lists them is gone again
        return descriptor.readlink().name.startswith("socket:")
    return False


@asynccontextmanager
async def composing(downstream: Downstream) -> AsyncIterator[Composing]:
    fleet = Fleet()
    async with inside(database=fleet.read) as door:
        fleet.planes.append(door.plane)
        yield Composing(door, fleet, downstream)


def page(*required: str, optional: tuple[str, ...] = (), **fields: Any) -> dict:
    """One part a target, all at once: `{"a": its body, ...}`; an optional part that fails is null."""
    parts = []
    for slug in (*required, *optional):
        state = call(slug, f"/{slug}", OutputPath="$.ResponseBody")
        if slug in optional:
            state["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "Nothing"}]
        machine = sequence(state)
        if slug in optional:
            machine["States"]["Nothing"] = NOTHING
        parts.append(machine)
    names = {f"{slug}.$": f"$[{index}]" for index, slug in enumerate((*required, *optional))}
    return sequence(branches(*parts, ResultSelector=names), **fields)
