"""Two beats send every tick twice and four workers take them: no round of trials and no intent runs twice at once."""

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest

from breakers import probing
from breakers.core.states import State
from breakers.dataplane import DataPlane
from breakers.guard.circuits import Guarded
from breakers.operations import targets
from breakers.probing import Verdict
from compositions.dispatching.dispatcher import Dispatcher
from compositions.engine.flow import Flow
from compositions.engine.standard.worker import Engine
from compositions.intake.ids import new_id
from compositions.models import Execution, Intent
from compositions.operations import compositions, pipes
from compositions.probing import RealIntents
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from tests.compositions.workflows import HTTP
from tests.servers.downstream import Downstream

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

SYSTEM = Principal.system("test")
CHARGE = {"ApiEndpoint": "target://payment/charge", "Method": "POST", "RequestBody.$": "$"}
SUBSCRIBE = {
    "StartAt": "Pay",
    "States": {"Pay": {"Type": "Task", "Resource": HTTP, "Parameters": CHARGE, "End": True}},
}
BREAKER = {
    "policies": [{"type": "consecutive_failures", "threshold": 3}],
    "wait_duration_in_open_state_s": 1,
    "permitted_number_of_calls_in_half_open_state": 3,
}
BEATS, TICK_S = 2, 0.05
INTENTS, TAKES_S = 40, 0.05

Span = tuple[float, float]


class Fleet:
    """Two workers that try what is broken, and two that carry executions and start what waits."""

    def __init__(self) -> None:
        self.operations: list[DataPlane] = []
        self.sagas: list[DataPlane] = []
        self.engines: dict[str, Engine] = {}
        self.dispatchers: list[Dispatcher] = []
        self.rounds: list[Span] = []
        self.passed: list[str] = []
        self._beating: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for number in range(2):
            self.operations.append(await self._plane("runner", f"ops-{number}", polls=False))
            self.sagas.append(plane := await self._plane("saga", f"sagas-{number}", polls=True))
            self.dispatchers.append(Dispatcher(self.engines[plane.id].flow, plane))
        for dispatcher in self.dispatchers:
            dispatcher.start()
        self._beating = [asyncio.create_task(self._beat()) for _ in range(BEATS)]

    async def _plane(self, kind: str, name: str, *, polls: bool) -> DataPlane:
        plane = DataPlane(kind, name=name)
        flow = Flow(plane)
        await plane.start()
        engine = self.engines[plane.id] = Engine(flow, plane, lease_s=5.0)
        await engine.start(polls=polls)
        return plane

    async def _beat(self) -> None:
        """Each of its ticks reaches every worker: more than a queue would ever deliver."""
        while True:
            await asyncio.gather(*(probing.tick(plane) for plane in self.operations))
            await asyncio.sleep(TICK_S)

    async def tried(self, plane: DataPlane, guarded: Guarded, epoch: int | None) -> Verdict | None:
        """A probe source: real intents, with the engine of the worker that asks."""
        began = time.monotonic()

        async def engine() -> Engine:
            return self.engines[plane.id]

        verdict = await RealIntents(engine)(plane, guarded, epoch)
        self.rounds.append((began, time.monotonic()))
        if verdict is not None:
            self.passed += [call.intent for call in verdict.calls if call.passed]
        return verdict

    @property
    def planes(self) -> list[DataPlane]:
        return self.operations + self.sagas

    async def close(self) -> None:
        for beating in self._beating:
            beating.cancel()
        await asyncio.gather(*self._beating, return_exceptions=True)
        await asyncio.gather(*(dispatcher.close() for dispatcher in self.dispatchers))
        await asyncio.gather(*(engine.close(1.0) for engine in self.engines.values()))
        await asyncio.gather(*(plane.close() for plane in self.planes))


fleets: list[Fleet] = []


async def tried_by_the_fleet(plane: DataPlane, guarded: Guarded, epoch: int | None) -> Verdict | None:
    return await fleets[-1].tried(plane, guarded, epoch)


@pytest.fixture
async def fleet(
    no_sessions_left: None, valkey: str, settings: Any, tmp_path: Any, downstream: Downstream
) -> AsyncIterator[Fleet]:
    settings.LAST_GOOD = tmp_path / "last-good.json"
    settings.PROBE_SOURCES = [f"{__name__}.tried_by_the_fleet", "breakers.probing.synthetic"]

    def configure() -> None:
        probe = {"path": "/health", "count": 1, "interval_s": 1}
        targets.put("payment", {"base_url": downstream.url, "breaker": BREAKER, "probe": probe}, by=SYSTEM)
        compositions.put("subscribe", {"type": "STANDARD", "definition": SUBSCRIBE}, by=SYSTEM)
        drain = {"start_per_s": 20, "ramp_s": 1, "max_per_s": None}
        pipes.put("subscriptions", {"target": "subscribe", "drain": drain}, by=SYSTEM)

    await asyncio.to_thread(configure)
    fleets.append(Fleet())
    await fleets[-1].start()
    yield fleets[-1]
    await fleets.pop().close()


async def until(condition: Any, what: str, within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.02)


def accept(count: int) -> None:
    rows = [
        Intent(id=new_id(), pipe="subscriptions", accepted_at=clock.now(), body=json.dumps({"customer": number}))
        for number in range(count)
    ]
    Intent.objects.bulk_create(rows)


def side_by_side(spans: list[Span]) -> list[tuple[Span, Span]]:
    spans = sorted(spans)
    return [(one, next_) for one, next_ in itertools.pairwise(spans) if next_[0] < one[1]]


async def test_no_round_and_no_intent_runs_twice_at_once(fleet: Fleet, downstream: Downstream) -> None:
    downstream.behave("/charge", status=500, delay_s=TAKES_S)
    await asyncio.to_thread(accept, INTENTS)
    await until(lambda: len(fleet.rounds) >= 2, "it was tried while it was broken")
    downstream.behave("/charge", delay_s=TAKES_S)
    mended = time.monotonic() + TAKES_S
    ended = Intent.objects.filter(status="SUCCEEDED")
    await until(lambda: ended.count() == INTENTS, "every intent has ended")

    assert side_by_side(fleet.rounds) == []
    assert fleet.passed, "it was tried with real intents"
    assert len(set(fleet.passed)) == len(fleet.passed), "what has passed is not tried again"
    calls: dict[str, list[float]] = defaultdict(list)
    for request in downstream.requests:
        if request.path == "/charge":
            calls[request.headers["idempotency-key"]].append(request.at)
    assert len(calls) == INTENTS
    assert {key: at for key, at in calls.items() if side_by_side([(moment, moment + TAKES_S) for moment in at])} == {}
    assert max(sum(moment > mended for moment in at) for at in calls.values()) == 1
    assert Execution.objects.count() == INTENTS
    await until(lambda: {plane.circuits["payment"].state for plane in fleet.planes} == {State.CLOSED}, "it has closed")
