"""A recovering target is tried by real work: a pass counts and runs on, a failure undoes nothing."""

import asyncio

import pytest

from breakers.core import machine as circuits
from breakers.core.states import State
from breakers.guard.messages import Request
from compositions.models import Execution

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

BREAKER = {
    "policies": [{"type": "consecutive_failures", "threshold": 1}],
    "half_open_by": "probe",
    "wait_duration_in_open_state_s": 600,
    "permitted_number_of_calls_in_half_open_state": 2,
    "success_threshold": 2,
}
REFUND = [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]
SAGA = machine(
    Check=call("fraud", "/check", Next="Pay"),
    Pay=call("shop", "/pay", Catch=REFUND, Next="Ship"),
    Ship=call("fraud", "/ship"),
    Refund=call("fraud", "/refund"),
)


@pytest.fixture
async def epoch(sagas: Sagas) -> int:
    """The circuit of `shop` is half open, since this epoch."""
    await sagas.target("fraud")
    await sagas.target("shop", breaker=BREAKER, probe={"path": "/health"})
    await sagas.define(SAGA)
    sagas.downstream.behave("/broken", status=500, times=1)
    await sagas.plane.guard.call("shop", Request("GET", "/broken"))
    guarded = sagas.plane.circuits["shop"]
    moved = await sagas.plane.move(guarded, circuits.half_open(guarded.circuit, "the wait is over"))
    assert moved.state is State.HALF_OPEN
    sagas.downstream.requests.clear()
    return moved.epoch


async def test_a_trial_that_passes_runs_on_and_is_done(sagas: Sagas, epoch: int) -> None:
    engine = await sagas.engine(capacity=0)
    id = sagas.start()
    verdict = await engine.run_probe(id, "shop", epoch)
    assert (verdict.called, verdict.passed, verdict.detail) == (True, True, "status 200")
    assert (await sagas.ended(id)).status == "SUCCEEDED"
    assert sagas.paths() == ["/check", "/pay", "/ship"]


async def test_a_trial_that_fails_is_parked_at_its_step_and_nothing_is_undone(sagas: Sagas, epoch: int) -> None:
    sagas.downstream.behave("/pay", status=503, times=1)
    engine = await sagas.engine(capacity=0)
    id = sagas.start()
    verdict = await engine.run_probe(id, "shop", epoch)
    assert (verdict.called, verdict.passed, verdict.status) == (True, False, 503)
    row = await sagas.put_away(id)
    assert (row.parked_on, row.trial_count, row.caught, row.wake_at) == ("shop", 1, False, None)
    assert sagas.paths() == ["/check", "/pay"]
    verdict = await engine.run_probe(id, "shop", epoch)
    assert verdict.passed
    assert (await sagas.ended(id)).status == "SUCCEEDED"
    assert sagas.paths() == ["/check", "/pay", "/pay", "/ship"]
    assert len({request.headers["idempotency-key"] for request in sagas.calls("/pay")}) == 1


async def test_no_more_trials_are_made_than_are_permitted(sagas: Sagas, epoch: int) -> None:
    sagas.downstream.behave("/pay", delay_s=0.3)
    engine = await sagas.engine(capacity=0)
    ids = [sagas.start() for _ in range(4)]
    verdicts = await asyncio.gather(*(engine.run_probe(id, "shop", epoch) for id in ids))
    assert sorted(verdict.called for verdict in verdicts) == [False, False, True, True]
    assert len(sagas.calls("/pay")) == 2


async def test_an_execution_that_another_has_or_that_never_calls_is_no_trial(sagas: Sagas, epoch: int) -> None:
    engine = await sagas.engine(capacity=0)
    id = sagas.start()
    Execution.objects.filter(pk=id).update(owner="somebody", wake_at=None)
    assert not (await engine.run_probe(id, "shop", epoch)).called
    await sagas.define(machine(Check=call("fraud", "/check")), slug="other")
    assert not (await engine.run_probe(sagas.start(slug="other"), "shop", epoch)).called
