"""While a circuit is open, an execution waits at its step instead of undoing what it has done."""

import asyncio
from datetime import timedelta

import pytest

from breakers.operations import overrides
from compositions.engine.standard import circuits
from compositions.models import Execution
from compositions.operations import executions
from controlplane.kernel import clock

from .conftest import SYSTEM, Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

REFUND = [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]
SAGA = machine(
    Check=call("fraud", "/check", Next="Pay"),
    Pay=call("shop", "/pay", Catch=REFUND, Next="Ship"),
    Ship=call("shop", "/ship"),
    Refund=call("fraud", "/refund"),
)


async def order(sagas: Sagas, state: str | None, slug: str = "shop") -> None:
    """An operator stops calls to a target, or lets them go on."""
    if state is None:
        overrides.clear(slug, reason="well again", by=SYSTEM)
    else:
        overrides.put(slug, state=state, reason="down", by=SYSTEM)
    await sagas.plane.config.refresh(database=True)


@pytest.fixture
async def saga(sagas: Sagas) -> Sagas:
    await sagas.target("fraud")
    await sagas.define(SAGA)
    return sagas


async def test_an_execution_is_parked_at_its_step_and_goes_on_when_the_circuit_closes(saga: Sagas) -> None:
    engine = await saga.engine()
    saga.downstream.behave("/check", delay_s=0.3)
    id = saga.start()
    await saga.until(lambda: saga.calls("/check"))
    await order(saga, "FORCED_OPEN")
    row = await saga.put_away(id)
    assert (row.parked_on, row.wake_at, row.park_count) == ("shop", None, 0)
    assert "open" in row.parked_why.lower()
    assert row.parked_at is not None
    await saga.until(lambda: not engine.lives)
    await asyncio.sleep(1.2)
    assert saga.paths() == ["/check"]
    await order(saga, None)
    ended = await saga.ended(id)
    assert (ended.status, ended.parked_on, ended.parked_at) == ("SUCCEEDED", "", None)
    assert saga.paths() == ["/check", "/pay", "/ship"]
    [held] = [one for one in saga.told(id) if one[0] == "parked 1"]
    [resumed] = [one for one in saga.told(id) if one[0] == "resumed 1"]
    assert (held[4]["on"], held[4]["error"]) == ("shop", "Breaker.Open")
    assert resumed[4]["waited_s"] > 1


async def test_nothing_is_begun_while_a_target_that_will_be_needed_is_stopped(saga: Sagas) -> None:
    await saga.define(machine(Check=call("fraud", "/check", Next="Pay"), Pay=call("shop", "/pay")))
    await order(saga, "FORCED_OPEN")
    await saga.engine()
    id = saga.start()
    row = await saga.put_away(id)
    assert (row.parked_on, saga.paths()) == ("shop", [])
    await order(saga, None)
    assert (await saga.ended(id)).status == "SUCCEEDED"
    assert saga.paths() == ["/check", "/pay"]


async def test_an_execution_that_fails_when_open_hears_the_refusal_and_its_catch_takes_it(saga: Sagas) -> None:
    await order(saga, "FORCED_OPEN")
    await saga.engine()
    row = await saga.ended(saga.start(when_open="fail"))
    assert (row.status, saga.paths()) == ("PARTIAL", ["/check", "/refund"])


async def test_the_time_limit_of_a_step_stands_still_while_it_is_held(saga: Sagas) -> None:
    pay = call("shop", "/pay", TimeoutSeconds=1, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Skip"}])
    both = [machine(Pay=pay, Skip={"Type": "Pass", "End": True}), machine(Slow=call("fraud", "/slow"))]
    await saga.define(machine(Both={"Type": "Parallel", "Branches": both, "End": True}))
    await saga.target("fraud", timeout_ms=5000)
    saga.downstream.behave("/slow", delay_s=2.5)
    await saga.engine()
    await order(saga, "FORCED_OPEN")
    id = saga.start()
    await asyncio.sleep(1.5)
    assert Execution.objects.get(pk=id).status == "RUNNING"
    await order(saga, None)
    assert (await saga.ended(id)).status == "SUCCEEDED"


async def test_those_that_waited_go_on_by_and_by(saga: Sagas) -> None:
    await order(saga, "FORCED_OPEN")
    await saga.define(machine(Pay=call("shop", "/pay")))
    engines = [await saga.engine() for _ in range(3)]
    ids = [saga.start() for _ in range(20)]
    for id in ids:
        await saga.put_away(id)
    await order(saga, None)
    await saga.until(lambda: sum(engine.ended for engine in engines) == 20, 20)
    at = sorted(request.at for request in saga.downstream.requests)
    assert len(at) == 20
    assert sum(each < at[0] + 2.5 for each in at) <= 9  # 1, 2 and 4, rounded up: of all workers together


async def test_a_worker_that_does_not_see_the_circuit_close_holds_up_nobody(
    saga: Sagas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuits, "MOST_AT_ONCE", 2)
    await order(saga, "FORCED_OPEN")
    await saga.define(machine(Pay=call("shop", "/pay")))
    blind, _ = await saga.engine(name="a"), await saga.engine(name="b")
    monkeypatch.setattr(blind.circuits, "is_open", lambda target: True)
    id = saga.start()
    await saga.put_away(id)
    await order(saga, None)
    assert (await saga.ended(id)).status == "SUCCEEDED"


async def test_without_a_free_slot_a_step_waits_and_history_says_how_long(saga: Sagas) -> None:
    await saga.define(machine(Pay=call("shop", "/pay")))
    await saga.target(contracts=[{"limit": 1, "period_s": 3, "on_exhausted": "reject"}])
    await saga.engine()
    first = saga.start()
    await saga.ended(first)
    id = saga.start()
    row = await saga.put_away(id)
    assert row.parked_on == "shop"
    assert row.wake_at is not None
    assert (await saga.ended(id)).status == "SUCCEEDED"
    earlier, later = (request.at for request in saga.downstream.requests)
    assert later - earlier >= 2.9
    held = {what: told for what, _, _, _, told in saga.told(id)}
    assert held["parked 1"]["error"] == "Contract.Exhausted"
    assert 0 < held["parked 1"]["retry_after_s"] <= 3
    assert held["resumed 1"]["waited_s"] > 2


async def test_a_failure_that_nothing_catches_is_put_off_and_then_dead(saga: Sagas) -> None:
    await saga.define(machine(Check=call("fraud", "/check", Next="Pay"), Pay=call("shop", "/pay")))
    saga.downstream.behave("/pay", status=503)
    await saga.engine()
    id = saga.start(most_parks=1)
    row = await saga.put_away(id)
    assert row.park_count == 1
    assert timedelta(seconds=3) < row.wake_at - clock.now() < timedelta(seconds=6)
    assert (row.parked_on, row.parked_why) == ("shop", "Pay failed: States.Http.StatusCode.503")
    Execution.objects.filter(pk=id).update(wake_at=clock.now())
    ended = await saga.ended(id)
    assert (ended.status, ended.error) == ("DEAD", "States.Http.StatusCode.503")
    assert saga.paths() == ["/check", "/pay", "/pay"]
    assert len({request.headers["idempotency-key"] for request in saga.calls("/pay")}) == 1


async def test_a_redrive_goes_on_at_the_failed_step_with_the_same_key(saga: Sagas) -> None:
    await saga.define(machine(Check=call("fraud", "/check", Next="Pay"), Pay=call("shop", "/pay")))
    saga.downstream.behave("/pay", status=503, times=1)
    await saga.engine()
    id = saga.start()
    assert (await saga.ended(id)).status == "FAILED"
    executions.redrive(id, by=SYSTEM, reason="the provider is back")
    ended = await saga.ended(id)
    assert (ended.status, ended.redrive_count) == ("SUCCEEDED", 1)
    assert saga.paths() == ["/check", "/pay", "/pay"]
    assert len({request.headers["idempotency-key"] for request in saga.calls("/pay")}) == 1


async def test_a_redrive_of_a_parallel_does_not_call_again_what_succeeded(saga: Sagas) -> None:
    branches = [machine(A=call("shop", "/a")), machine(B=call("fraud", "/b"))]
    await saga.define(machine(Both={"Type": "Parallel", "Branches": branches, "End": True}))
    saga.downstream.behave("/b", status=500, times=1, delay_s=0.2)
    await saga.engine()
    id = saga.start()
    assert (await saga.ended(id)).status == "FAILED"
    executions.redrive(id, by=SYSTEM)
    assert (await saga.ended(id)).status == "SUCCEEDED"
    assert sorted(saga.paths()) == ["/a", "/b", "/b"]


@pytest.mark.parametrize("most_parks", [0, 1])
async def test_undoing_that_fails_cannot_be_missed_and_is_safe_to_redrive(saga: Sagas, most_parks: int) -> None:
    saga.downstream.behave("/pay", status=409)
    saga.downstream.behave("/refund", status=500, times=1 + most_parks)
    await saga.engine()
    id = saga.start(most_parks=most_parks)
    if most_parks:
        row = await saga.put_away(id)
        assert row.priority > 0
        Execution.objects.filter(pk=id).update(wake_at=clock.now())
    assert (await saga.ended(id)).status == "COMPENSATION_FAILED"
    executions.redrive(id, by=SYSTEM)
    ended = await saga.ended(id)
    assert (ended.status, ended.calls_done, ended.calls_undone) == ("PARTIAL", 1, 1)
    assert len({request.headers["idempotency-key"] for request in saga.calls("/refund")}) == 1


async def test_a_redrive_after_a_time_limit_has_that_time_anew(saga: Sagas) -> None:
    states = machine(Wait={"Type": "Wait", "Seconds": 1, "Next": "Pay"}, Pay=call("shop", "/pay", Next="Ship"))
    states["States"]["Ship"] = call("fraud", "/ship")
    await saga.define({**states, "TimeoutSeconds": 2})
    saga.downstream.behave("/pay", delay_s=1.5, times=1)
    await saga.engine()
    id = saga.start()
    assert (await saga.ended(id)).status == "TIMED_OUT"
    executions.redrive(id, by=SYSTEM)
    assert (await saga.ended(id)).status == "SUCCEEDED"
