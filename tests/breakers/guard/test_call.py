"""The guard with everything real: the gates in their order, what opens a circuit, what closes it, what is answered."""

import asyncio
import time

import pytest

from breakers.core import counts
from breakers.core.states import State
from breakers.guard.call import Holder
from breakers.guard.errors import (
    BreakerOpen,
    CallFailed,
    ConnectFailed,
    ContractExhausted,
    StoreUnavailable,
    TargetOverloaded,
    TargetTimeout,
)
from breakers.guard.messages import Request
from controlplane.kernel.errors import NotFound

QUICK = {
    "policies": [{"type": "consecutive_failures", "threshold": 5}],
    "wait_duration_in_open_state_s": 0.3,
    "half_open_by": "traffic",
}
GET = Request("GET", "/article")


async def until(condition, within_s: float = 2.0) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not come to pass in time"
        await asyncio.sleep(0.005)


async def fail(plane, times: int, slug: str = "catalog", path: str = "/broken") -> None:
    for _ in range(times):
        answer = await plane.guard.call(slug, Request("GET", path))
        assert answer.status == 500


@pytest.fixture
def broken(downstream):
    downstream.behave("/broken", status=500)
    return downstream


async def test_a_closed_circuit_passes_the_answer_on_as_it_is(fleet, plane, downstream):
    await fleet.target("catalog", downstream.url)
    answer = await plane.guard.call("catalog", GET)
    assert (answer.status, answer.source, answer.age_s, answer.breaker) == (200, "live", None, State.CLOSED)


async def test_an_unknown_target_is_not_found(plane):
    with pytest.raises(NotFound):
        await plane.guard.call("nowhere", GET)


async def test_the_fifth_failure_spread_over_two_workers_opens_the_circuit_for_both(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30})
    other = await fleet.join("worker-2")
    await fail(plane, 2)
    await fail(other, 2)
    assert plane.circuits["catalog"].state is State.CLOSED
    await fail(plane, 1)
    assert plane.circuits["catalog"].state is State.OPEN
    await until(lambda: other.circuits["catalog"].state is State.OPEN, within_s=0.25)
    before = len(broken.requests)
    for worker in (plane, other):
        with pytest.raises(BreakerOpen) as refused:
            await worker.guard.call("catalog", Request("POST", "/article"))
        assert refused.value.retry_after_s > 25
        assert "5 failures in a row" in refused.value.reason
    assert len(broken.requests) == before


async def test_a_success_of_another_worker_breaks_the_streak(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK)
    other = await fleet.join("worker-2")
    await fail(plane, 4)
    await until(lambda: other.circuits["catalog"].circuit.streak == 4)
    await other.guard.call("catalog", GET)
    await until(lambda: plane.circuits["catalog"].circuit.streak == 0)
    await fail(plane, 4)
    assert plane.circuits["catalog"].state is State.CLOSED


async def test_timeouts_count_as_failures_and_as_slow(fleet, plane, downstream):
    downstream.behave("/slow", delay_s=1.0)
    policy = {"type": "slow_call_rate", "slow_call_duration_threshold_ms": 100, "minimum_number_of_calls": 3}
    await fleet.target("catalog", downstream.url, timeout_ms=100, breaker=QUICK | {"policies": [policy]})
    for _ in range(3):
        with pytest.raises(TargetTimeout):
            await plane.guard.call("catalog", Request("GET", "/slow"))
    assert plane.circuits["catalog"].state is State.OPEN
    assert "took 100 ms or longer" in plane.circuits["catalog"].circuit.reason


async def test_slow_answers_open_a_circuit_though_none_failed(fleet, plane, downstream):
    downstream.behave("/slow", delay_s=0.06)
    policy = {"type": "slow_call_rate", "slow_call_duration_threshold_ms": 50, "minimum_number_of_calls": 4}
    await fleet.target("catalog", downstream.url, breaker=QUICK | {"policies": [policy]})
    await asyncio.gather(*(plane.guard.call("catalog", Request("GET", "/slow")) for _ in range(4)))
    await until(lambda: plane.circuits["catalog"].state is State.OPEN)


async def test_a_refused_connection_is_a_failure_and_a_callers_mistake_is_not(fleet, plane, downstream):
    downstream.behave("/missing", status=404)
    await fleet.target("catalog", downstream.url, breaker=QUICK)
    for _ in range(6):
        assert (await plane.guard.call("catalog", Request("GET", "/missing"))).status == 404
    assert plane.circuits["catalog"].state is State.CLOSED
    await fleet.target("nobody", "http://127.0.0.1:1", breaker=QUICK)
    for _ in range(5):
        with pytest.raises(ConnectFailed):
            await plane.guard.call("nobody", GET)
    assert plane.circuits["nobody"].state is State.OPEN


async def test_an_open_circuit_answers_from_cache_with_its_age_and_refuses_without(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30})
    live = await plane.guard.call("catalog", GET)
    await fail(plane, 5)
    stale = await plane.guard.call("catalog", GET)
    assert (stale.source, stale.body, stale.fresh) == ("cache", live.body, False)
    assert 0 <= stale.age_s < 5
    with pytest.raises(BreakerOpen):
        await plane.guard.call("catalog", Request("GET", "/never-asked"))


async def test_another_worker_answers_from_what_the_first_one_wrote_through(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30})
    other = await fleet.join("worker-2")
    live = await plane.guard.call("catalog", GET)
    await plane.cache.flush()
    await fail(plane, 5)
    await until(lambda: other.circuits["catalog"].state is State.OPEN)
    assert (await other.guard.call("catalog", GET)).body == live.body


async def test_a_static_answer_is_the_last_resort(fleet, plane, broken):
    fallback = {"static": {"status": 200, "body": {"articles": []}}}
    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30}, fallback=fallback)
    await fail(plane, 5)
    answer = await plane.guard.call("catalog", GET)
    assert (answer.source, answer.body) == ("static", b'{"articles": []}')


async def test_an_entry_within_its_ttl_saves_the_call(fleet, plane, downstream):
    await fleet.target("catalog", downstream.url, cache={"ttl_s": 60})
    await plane.guard.call("catalog", GET)
    hit = await plane.guard.call("catalog", GET)
    assert (hit.source, hit.fresh) == ("cache", True)
    assert len(downstream.requests) == 1


async def test_trial_calls_of_real_traffic_close_the_circuit(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK)
    await fail(plane, 5)
    await asyncio.sleep(0.35)
    for _ in range(3):
        await plane.guard.call("catalog", GET)
    assert plane.circuits["catalog"].state is State.CLOSED


async def test_a_failed_trial_opens_again_and_no_more_than_the_permitted_calls_went_out(fleet, plane, broken):
    broken.behave("/slow-and-broken", status=500, delay_s=0.15)
    await fleet.target("catalog", broken.url, breaker=QUICK)
    other = await fleet.join("worker-2")
    await fail(plane, 5)
    await until(lambda: other.circuits["catalog"].state is State.OPEN)
    await asyncio.sleep(0.35)
    before = len(broken.requests)
    calls = [
        worker.guard.call("catalog", Request("POST", "/slow-and-broken"))
        for worker in (plane, other)
        for _ in range(10)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert len(broken.requests) - before == 3
    assert sum(isinstance(answer, BreakerOpen) for answer in answers) == 17
    assert plane.circuits["catalog"].circuit.state is State.OPEN
    assert plane.circuits["catalog"].circuit.openings == 2


async def test_a_cancelled_trial_gives_its_permit_back(fleet, plane, broken):
    broken.behave("/hangs", hang=True)
    await fleet.target("catalog", broken.url, breaker=QUICK)
    await fail(plane, 5)
    await asyncio.sleep(0.35)
    trial = asyncio.create_task(plane.guard.call("catalog", Request("POST", "/hangs")))
    await until(lambda: plane.circuits["catalog"].circuit.state is State.HALF_OPEN)
    await asyncio.sleep(0.05)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    for _ in range(3):
        await plane.guard.call("catalog", GET)
    assert plane.circuits["catalog"].state is State.CLOSED


async def test_the_bulkhead_refuses_what_is_too_much_and_that_is_no_outcome(fleet, plane, downstream):
    downstream.behave("/slow", delay_s=0.2)
    await fleet.target("catalog", downstream.url, max_concurrency=2, breaker=QUICK)
    calls = [plane.guard.call("catalog", Request("GET", "/slow")) for _ in range(8)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, TargetOverloaded) for answer in answers) == 6
    assert plane.circuits["catalog"].state is State.CLOSED
    assert plane.circuits["catalog"].in_flight == 0


async def test_a_contracts_refusal_is_no_outcome_and_an_open_circuit_costs_no_slot(fleet, plane, broken):
    contract = {"id": 1, "limit": 7, "period_s": 60, "created_at_ms": 2**42}
    await fleet.target(
        "catalog", broken.url, contracts=[contract], breaker=QUICK | {"wait_duration_in_open_state_s": 30}
    )
    await fail(plane, 5)
    for _ in range(20):
        with pytest.raises(BreakerOpen):
            await plane.guard.call("catalog", Request("POST", "/article"))
    override = {"state": "FORCED_CLOSED", "reason": "test", "by": "ann", "since_ms": 0, "expires_at_ms": None}
    await fleet.put("override", "catalog", override)
    answers = [await plane.guard.call("catalog", Request("POST", "/article")) for _ in range(2)]
    assert {answer.status for answer in answers} == {200}
    with pytest.raises(ContractExhausted) as refused:
        await plane.guard.call("catalog", Request("POST", "/article"))
    assert 50 < refused.value.retry_after_s <= 60
    assert plane.circuits["catalog"].circuit.state is State.OPEN


async def test_orders_bind_and_the_observed_state_stays(fleet, plane, downstream):
    await fleet.target("catalog", downstream.url, breaker=QUICK)
    order = {"state": "FORCED_OPEN", "reason": "moving house", "by": "ann", "since_ms": 0, "expires_at_ms": None}
    await fleet.put("override", "catalog", order)
    guarded = plane.circuits["catalog"]
    with pytest.raises(BreakerOpen) as refused:
        await plane.guard.call("catalog", Request("POST", "/article"))
    assert "moving house" in refused.value.reason
    assert (guarded.state, guarded.circuit.state) == (State.FORCED_OPEN, State.CLOSED)


async def test_an_order_ends_by_itself_at_its_time(fleet, plane, downstream):
    await fleet.target("catalog", downstream.url, breaker=QUICK)
    ends = plane.now_ms() + 300
    order = {"state": "FORCED_OPEN", "reason": "moving house", "by": "ann", "since_ms": 0, "expires_at_ms": int(ends)}
    await fleet.put("override", "catalog", order)
    assert plane.circuits["catalog"].state is State.FORCED_OPEN
    await until(lambda: plane.circuits["catalog"].state is State.CLOSED, within_s=1)
    assert plane.now_ms() >= ends


async def test_disabled_passes_and_counts_nothing(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK)
    order = {"state": "DISABLED", "reason": "noise", "by": "ann", "since_ms": 0, "expires_at_ms": None}
    await fleet.put("override", "catalog", order)
    await fail(plane, 8)
    await plane.flusher.flush()
    assert plane.circuits["catalog"].circuit.state is State.CLOSED
    assert not await plane.valkey.exists(plane.circuit_store.keys("catalog").traffic)


async def test_an_observing_breaker_counts_and_concludes_and_refuses_nothing(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK | {"mode": "observe"})
    await fail(plane, 8)
    guarded = plane.circuits["catalog"]
    assert (guarded.state, guarded.circuit.state) == (State.METRICS_ONLY, State.OPEN)


async def test_a_changed_threshold_keeps_what_was_counted(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK)
    await fail(plane, 3)
    policy = {"type": "consecutive_failures", "threshold": 4}
    await fleet.target("catalog", broken.url, breaker=QUICK | {"policies": [policy]})
    await fail(plane, 1)
    assert plane.circuits["catalog"].state is State.OPEN


async def test_a_call_that_its_caller_cancelled_is_no_outcome(fleet, plane, downstream):
    downstream.behave("/hangs", hang=True)
    await fleet.target("catalog", downstream.url, breaker=QUICK)
    for _ in range(6):
        call = asyncio.create_task(plane.guard.call("catalog", Request("GET", "/hangs")))
        await asyncio.sleep(0.03)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await plane.flusher.flush()
    assert plane.circuits["catalog"].circuit.streak == 0
    assert plane.circuits["catalog"].in_flight == 0


async def test_a_deadline_shortens_the_targets_own_timeout(fleet, plane, downstream):
    downstream.behave("/slow", delay_s=1.5)
    await fleet.target("catalog", downstream.url, timeout_ms=5000)
    started = time.monotonic()
    with pytest.raises(CallFailed):
        await plane.guard.call("catalog", Request("GET", "/slow"), deadline=time.monotonic() + 0.2)
    assert time.monotonic() - started < 1


async def test_failures_are_remembered_with_what_a_person_needs(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK)
    await fail(plane, 1)
    keys = plane.circuit_store.keys("catalog")
    (entry,) = await plane.valkey.lrange(keys.failures, 0, -1)
    import json

    failure = json.loads(entry)
    assert (failure["status"], failure["method"], failure["path"]) == (500, "GET", "/broken")
    assert failure["worker"] == "worker-1"


async def test_traffic_is_counted_with_latencies_refusals_and_cached_answers(fleet, plane, broken):
    import msgspec

    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30})
    await plane.guard.call("catalog", GET)
    await fail(plane, 5)
    await plane.guard.call("catalog", GET)
    with pytest.raises(BreakerOpen):
        await plane.guard.call("catalog", Request("POST", "/article"))
    await plane.flusher.flush()
    total = msgspec.msgpack.decode(await plane.valkey.hget(plane.circuit_store.keys("catalog").traffic, "total"))
    assert total[: counts.HISTOGRAM] == [6, 5, 0, 2, 0, 0, 1]
    assert sum(total[counts.HISTOGRAM :]) == 6


async def test_with_the_store_away_closed_circuits_go_on_unless_the_target_says_refuse(
    fleet, plane, downstream, valkey
):
    await fleet.target("catalog", downstream.url)
    await fleet.target("strict", downstream.url, on_store_error="refuse")
    plane.store_ok = False
    assert (await plane.guard.call("catalog", GET)).source == "live"
    with pytest.raises(StoreUnavailable):
        await plane.guard.call("strict", Request("POST", "/article"))


async def test_a_flushed_store_brings_every_worker_back_to_what_it_says(fleet, plane, broken):
    await fleet.target("catalog", broken.url, breaker=QUICK | {"wait_duration_in_open_state_s": 30})
    await fail(plane, 5)
    await plane.valkey.flushall()
    await until(lambda: plane.circuits["catalog"].state is State.CLOSED, within_s=2.5)


async def test_a_step_that_is_tried_again_never_spends_two_slots_for_one_call(fleet, plane, downstream):
    contract = {"id": 1, "limit": 2, "period_s": 60, "created_at_ms": 2**42}
    await fleet.target("catalog", downstream.url, contracts=[contract])
    for _ in range(2):  # its process died before the call, twice
        await plane.slots.reserve(1, "saga-1 pay", 30)
    assert (await plane.guard.call("catalog", GET, holder=Holder("saga-1 pay"))).status == 200
    assert (await plane.guard.call("catalog", GET, holder=Holder("saga-2 pay"))).status == 200
    with pytest.raises(ContractExhausted) as refused:
        await plane.guard.call("catalog", GET, holder=Holder("saga-3 pay"))
    assert 0 < refused.value.retry_after_s <= 61
    with pytest.raises(ContractExhausted):
        await plane.guard.call("catalog", GET)
    assert len(downstream.requests) == 2
