"""What tests of running compositions share: a flow, its targets and compositions, and short ways to write states."""

import asyncio
import contextlib
from typing import Any

import pytest

from breakers.dataplane import DataPlane
from compositions.engine.express import Run
from compositions.engine.flow import Flow
from tests.breakers.conftest import Fleet
from tests.servers.downstream import Downstream

HTTP = "arn:aws:states:::http:invoke"


class World:
    def __init__(self, fleet: Fleet, plane: DataPlane, flow: Flow, downstream: Downstream) -> None:
        self.fleet, self.plane, self.flow, self.downstream = fleet, plane, flow, downstream

    async def target(self, slug: str, **blocks: Any) -> None:
        base_url = blocks.pop("base_url", self.downstream.url)
        await self.fleet.target(slug, base_url, **blocks)

    async def composition(self, slug: str, definition: dict, **fields: Any) -> None:
        body = {"slug": slug, "type": "EXPRESS", "version": 1, "definition": definition, **fields}
        await self.fleet.put("composition", slug, body)

    async def stop(self, target: str) -> None:
        """As an operator who opens the circuit does."""
        order = {"state": "FORCED_OPEN", "reason": "deploy", "by": "ann", "since_ms": 1, "expires_at_ms": None}
        await self.fleet.put("override", target, order)

    async def run(self, slug: str, value: Any = None, **options: Any) -> Run:
        compiled = self.flow.catalog.find(slug)
        assert compiled is not None, f"{slug} is not there, or cannot be compiled"
        return await self.flow.run(compiled, {} if value is None else value, **options)

    async def once(self, *states: dict, value: Any = None, **options: Any) -> Run:
        """Run these states one after the other."""
        await self.composition("once", sequence(*states))
        return await self.run("once", value, **options)

    def left(self) -> dict[str, int]:
        """What a run may hold, and must not keep: calls under way, and tasks."""
        circuits = self.plane.circuits.values()
        return {"calls": sum(guarded.in_flight for guarded in circuits), "tasks": len(asyncio.all_tasks())}


@pytest.fixture
async def world(valkey, settings, tmp_path, downstream):
    settings.VALKEY_URL = valkey
    settings.LAST_GOOD = tmp_path / "last-good.json"
    fleet = Fleet()
    plane = DataPlane("frontdoor", name="flow", database=fleet.read)
    flow = Flow(plane)
    await plane.start()
    fleet.planes.append(plane)
    await flow.start()
    yield World(fleet, plane, flow, downstream)
    await flow.close()
    with contextlib.suppress(Exception):
        await plane.close()


@pytest.fixture
def flow(world):
    return world.flow


def call(target: str, path: str = "/", method: str = "GET", **fields: Any) -> dict:
    """A Task that calls a target; capitals in `fields` belong to the state, if they are not arguments of the call."""
    arguments = {"ApiEndpoint": f"target://{target}{path}", "Method": method}
    state = {"Type": "Task", "Resource": HTTP, "Parameters": arguments}
    for name, value in fields.items():
        inside = name in ("Headers", "QueryParameters", "RequestBody", "Transform", "Authentication")
        (arguments if inside else state)[name] = value
    return state


def sequence(*states: dict, **fields: Any) -> dict:
    """A machine of these states one after the other, named One, Two, ...; a state's own Next and End win."""
    names = ["One", "Two", "Three", "Four", "Five"][: len(states)]
    machine: dict = {"StartAt": "One", "States": {}, **fields}
    for name, state, following in zip(names, states, [*names[1:], None], strict=True):
        final = state["Type"] in ("Succeed", "Fail", "Choice")
        machine["States"][name] = state if final else {**({"Next": following} if following else {"End": True}), **state}
    return machine


def branches(*machines: dict, **fields: Any) -> dict:
    return {"Type": "Parallel", "Branches": list(machines), **fields}
