"""Engines that live real executions: a real database, a real Valkey, a downstream with a memory."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from breakers.dataplane import DataPlane
from breakers.operations import targets
from compositions.engine.flow import Flow
from compositions.engine.standard.worker import Engine
from compositions.engine.standard.writer import Crash
from compositions.models import Execution, JournalEntry, SagaWorker
from compositions.operations import compositions, executions
from controlplane.config.reading import newest
from controlplane.kernel.access import Principal
from tests.servers.downstream import Downstream, Received

SYSTEM = Principal.system("test")
HTTP = "arn:aws:states:::http:invoke"


def call(target: str, path: str, **rest: Any) -> dict[str, Any]:
    """A Task that posts to a path of a target and keeps nothing but the input."""
    parameters = {"ApiEndpoint": f"target://{target}{path}", "Method": "POST", "RequestBody": {"order": 1}}
    end = {} if "Next" in rest else {"End": True}
    return {"Type": "Task", "Resource": HTTP, "Parameters": parameters, "ResultPath": None, **end, **rest}


def machine(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


class Sagas:
    """What a test does with executions. Engines that it starts are stopped at its end."""

    def __init__(self, plane: DataPlane, flow: Flow, downstream: Downstream) -> None:
        self.plane, self.flow, self.downstream = plane, flow, downstream
        self.engines: list[Engine] = []

    async def engine(self, **options: Any) -> Engine:
        engine = Engine(self.flow, self.plane, **{"lease_s": 1.0, **options})
        self.engines.append(engine)
        await engine.start()
        return engine

    async def target(self, slug: str = "shop", **blocks: Any) -> None:
        targets.put(slug, {"base_url": self.downstream.url, **blocks}, by=SYSTEM)
        await self.plane.config.refresh(database=True)

    async def define(self, definition: Any, slug: str = "order", kind: str = "STANDARD") -> None:
        compositions.put(slug, {"type": kind, "definition": definition}, by=SYSTEM)
        await self.plane.config.refresh(database=True)

    def start(self, value: Any = None, slug: str = "order", **options: Any) -> str:
        return executions.start(slug, json.dumps(value or {}), by=SYSTEM, **options).pk

    async def until(self, condition: Callable[[], Any], seconds: float = 15) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.told()}"
            await asyncio.sleep(0.01)
        return found

    async def ended(self, id: str) -> Execution:
        return await self.until(lambda: Execution.objects.exclude(status="RUNNING").filter(pk=id).first())

    async def crash(self, at: int, when: str, meanwhile: Callable[[], None] = lambda: None) -> bool:
        """Live with a worker that dies before or after its n-th commit; False when everything ended before."""

        def fault(now: str, number: int) -> None:
            if (now, number) == (when, at):
                raise Crash

        def is_over() -> bool:
            meanwhile()
            return engine.writer.crashed or not Execution.objects.filter(status="RUNNING").exists()

        engine = await self.engine(fault=fault)
        await self.until(is_over)
        crashed = engine.writer.crashed
        await engine.abandon()
        SagaWorker.objects.filter(pk=engine.id).update(lease_until="2020-01-01T00:00:00Z")  # as if it had lapsed
        return crashed

    async def put_away(self, id: str) -> Execution:
        """The execution, once no worker has it and none is to take it up before long."""
        found = Execution.objects.filter(pk=id, owner="", fence__gt=0, status="RUNNING")
        return await self.until(lambda: found.first())

    def paths(self) -> list[str]:
        return [request.path for request in self.downstream.requests]

    def calls(self, path: str) -> list[Received]:
        return [request for request in self.downstream.requests if request.path == path]

    def told(self, id: str | None = None) -> list[Any]:
        rows = JournalEntry.objects.all() if id is None else JournalEntry.objects.filter(execution=id)
        return [happening for row in rows.order_by("number") for happening in json.loads(row.told)]


@pytest.fixture
def no_sessions_left(transactional_db: None) -> Iterator[None]:
    """Each task and thread has a connection of its own; those that a test leaves behind are ended with it."""
    yield
    if connection.vendor == "postgresql":
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.fixture
async def sagas(
    no_sessions_left: None, valkey: str, settings: Any, tmp_path: Any, downstream: Downstream
) -> AsyncIterator[Sagas]:
    settings.LAST_GOOD = tmp_path / "last-good.json"
    plane = DataPlane("runner", name="runner-1", database=newest)
    flow = Flow(plane)
    await plane.start()
    world = Sagas(plane, flow, downstream)
    await world.target()
    yield world
    await asyncio.gather(*(engine.abandon() for engine in world.engines if not engine.has_ended))
    await flow.close()
    await plane.close()
