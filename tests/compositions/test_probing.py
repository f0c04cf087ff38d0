"""A circuit whose wait is over is tried with real intents: all must pass, each runs once, and none is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from breakers.core import machine
from breakers.core.states import State
from breakers.dataplane import DataPlane
from breakers.operations import targets
from breakers.probing import Verdict, synthetic
from compositions.dispatching.claims import Plan, start_waiting
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
CAUGHT = [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]
PAY = {"ApiEndpoint": "target://payment/charge", "Method": "POST", "RequestBody.$": "$"}
REFUND = {"ApiEndpoint": "target://payment/refund", "Method": "POST"}
ONBOARD = {
    "StartAt": "Pay",
    "States": {"Pay": {"Type": "Task", "Resource": HTTP, "Parameters": PAY, "End": True}},
}
# Whoever catches the failure can do without the target, so no pipe lends its intents: only what is parked is tried.
CATCHING = {
    "StartAt": "Pay",
    "States": {
        "Pay": {"Type": "Task", "Resource": HTTP, "Parameters": PAY, "Catch": CAUGHT, "End": True},
        "Refund": {"Type": "Task", "Resource": HTTP, "Parameters": REFUND, "End": True},
    },
}


class Recovery:
    """A target that is half open, the engine of an operations worker, and intents that wait."""

    def __init__(self, plane: DataPlane, engine: Engine, downstream: Downstream) -> None:
        self.plane, self.engine, self.downstream = plane, engine, downstream
        self.source = RealIntents(self._engine)

    async def _engine(self) -> Engine:
        return self.engine

    @property
    def guarded(self) -> Any:
        return self.plane.circuits["payment"]

    async def half_open(self) -> int:
        """The epoch of a new half-open time, as after another wait."""
        circuit = self.guarded.circuit
        opened = machine.Move(circuit.epoch, State.OPEN, "broken", wait_ms=60_000, openings=1, outage=True)
        circuit = await self.plane.move(self.guarded, opened)
        return (await self.plane.move(self.guarded, machine.half_open(circuit, "the wait is over"))).epoch

    async def tried(self) -> Verdict | None:
        return await self.source(self.plane, self.guarded, await self.half_open())

    def charged(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.downstream.requests if request.path == "/charge"]


def accept(count: int) -> list[str]:
    body = json.dumps({"plan": "premium", "password": "s3cr3t"})
    rows = [Intent(id=new_id(), pipe="onboarding", accepted_at=clock.now(), body=body) for _ in range(count)]
    return [row.pk for row in Intent.objects.bulk_create(rows)]


def statuses() -> list[tuple[str, str]]:
    return list(Intent.objects.order_by("id").values_list("id", "status"))


async def until(condition: Any) -> Any:
    for _ in range(500):
        if found := await asyncio.to_thread(condition):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture
async def recovery(valkey: str, settings: Any, tmp_path: Any, downstream: Downstream) -> AsyncIterator[Recovery]:
    settings.LAST_GOOD = tmp_path / "last-good.json"

    def configure() -> None:
        breaker = {"permitted_number_of_calls_in_half_open_state": 3, "half_open_by": "probe"}
        probe = {"path": "/health", "count": 1}
        targets.put("payment", {"base_url": downstream.url, "breaker": breaker, "probe": probe}, by=SYSTEM)
        compositions.put("onboard", {"type": "STANDARD", "definition": ONBOARD}, by=SYSTEM)
        pipes.put("onboarding", {"target": "onboard"}, by=SYSTEM)

    await asyncio.to_thread(configure)
    plane = DataPlane("runner", name="ops-1")
    flow = Flow(plane)
    await plane.start()
    engine = Engine(flow, plane, lease_s=5.0)
    await engine.start(polls=False)
    yield Recovery(plane, engine, downstream)
    await engine.close(1.0)
    await plane.close()


async def test_as_many_as_are_permitted_run_for_real_and_are_done_when_they_pass(recovery: Recovery) -> None:
    ids = await asyncio.to_thread(accept, 5)
    verdict = await recovery.tried()
    assert verdict is not None
    assert (verdict.passed, [call.intent for call in verdict.calls]) == (True, ids[:3])
    await until(lambda: statuses() == [*((id, "SUCCEEDED") for id in ids[:3]), *((id, "ACCEPTED") for id in ids[3:])])
    assert len(set(recovery.charged())) == len(recovery.charged()) == 3
    shown = json.loads(verdict.calls[0].input)
    assert shown == {"plan": "premium", "password": "(hidden)"}
    assert verdict.calls[0].result == "status 200"


async def test_the_first_failure_ends_the_round_and_its_intent_stays_at_its_step(recovery: Recovery) -> None:
    ids = await asyncio.to_thread(accept, 3)
    recovery.downstream.behave("/charge", status=500)
    verdict = await recovery.tried()
    assert verdict is not None
    assert [(call.passed, call.intent, call.status) for call in verdict.calls] == [(False, ids[0], 500)]
    run = await until(lambda: Execution.objects.filter(parked_on="payment", owner="").first())
    assert (run.intent, run.status, run.trial_count) == (ids[0], "RUNNING", 1)
    assert await asyncio.to_thread(statuses) == [(ids[0], "RUNNING"), (ids[1], "ACCEPTED"), (ids[2], "ACCEPTED")]

    recovery.downstream.reset()
    again = await recovery.tried()
    assert again is not None
    assert (again.passed, [call.intent for call in again.calls]) == (True, ids), "what is parked comes first"
    await until(lambda: {status for _, status in statuses()} == {"SUCCEEDED"})
    assert len(recovery.charged()) == 3
    assert recovery.charged()[0] not in recovery.charged()[1:]


async def test_a_catch_does_not_run_when_a_trial_fails(recovery: Recovery) -> None:
    def park() -> None:
        compositions.put("onboard", {"type": "STANDARD", "definition": CATCHING}, by=SYSTEM)
        accept(1)
        start_waiting(Plan("onboarding", "onboard"), 1, ordered=False)
        Execution.objects.update(parked_on="payment", wake_at=None)

    await asyncio.to_thread(park)
    await recovery.plane.config.refresh(database=True)
    recovery.downstream.behave("/charge", status=500)
    verdict = await recovery.tried()
    assert verdict is not None
    assert not verdict.passed
    await until(lambda: Execution.objects.filter(parked_on="payment", owner="").exists())
    assert recovery.downstream.count("/refund") == 0


async def test_nothing_waits_and_the_synthetic_probe_decides(recovery: Recovery) -> None:
    assert await recovery.tried() is None
    verdict = await synthetic(recovery.plane, recovery.guarded, recovery.guarded.circuit.epoch)
    assert verdict is not None
    assert verdict.passed


async def test_a_target_is_never_only_looked_at_with_real_intents(recovery: Recovery) -> None:
    await asyncio.to_thread(accept, 1)
    assert await recovery.source(recovery.plane, recovery.guarded, None) is None
    assert recovery.charged() == []


async def test_a_pipe_that_an_operator_has_stopped_lends_no_intents(recovery: Recovery) -> None:
    await asyncio.to_thread(accept, 1)
    await asyncio.to_thread(lambda: pipes.stop("onboarding", by=SYSTEM, reason="stocktaking"))
    await recovery.plane.config.refresh(database=True)
    assert await recovery.tried() is None


async def test_what_is_enriched_is_tried_with_what_was_made_of_it(recovery: Recovery) -> None:
    def configure() -> None:
        passed = {"Type": "Pass", "Result": {"score": 7}, "End": True}
        compositions.put("score", {"definition": {"StartAt": "Score", "States": {"Score": passed}}}, by=SYSTEM)
        pipes.patch("onboarding", {"enrichment": "score"}, by=SYSTEM)

    await asyncio.to_thread(configure)
    await recovery.plane.config.refresh(database=True)
    ids = await asyncio.to_thread(accept, 2)
    verdict = await recovery.tried()
    assert verdict is not None
    assert (verdict.passed, [call.intent for call in verdict.calls]) == (True, ids)
    bodies = [request.json() for request in recovery.downstream.requests if request.path == "/charge"]
    assert bodies == [{"score": 7}] * 2
