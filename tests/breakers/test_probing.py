"""Probe rounds on a real data plane: what they try, what they leave alone, and that they never overlap."""

import asyncio
import time

import msgspec
import pytest

from breakers import probing
from breakers.core.states import State
from breakers.guard.messages import Request
from breakers.models import ProbeRun

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

BREAKER = {"policies": [{"type": "consecutive_failures", "threshold": 1}], "half_open_by": "probe"}
PROBE = {"path": "/health", "count": 3, "timeout_ms": 300, "interval_s": 1}


async def opened(fleet, plane, downstream, *, wait_s=0.05, probe=PROBE, **breaker):
    settings = BREAKER | {"wait_duration_in_open_state_s": wait_s} | breaker
    await fleet.target("catalog", downstream.url, breaker=settings, probe=probe)
    downstream.behave("/broken", status=500)
    await plane.guard.call("catalog", Request("GET", "/broken"))
    guarded = plane.circuits["catalog"]
    assert guarded.circuit.state is State.OPEN
    await asyncio.sleep(wait_s + 0.02)
    return guarded


def probes(downstream):
    return [request for request in downstream.requests if request.path == "/health"]


async def test_a_round_runs_its_calls_back_to_back_and_closes_when_all_pass(fleet, plane, downstream):
    guarded = await opened(fleet, plane, downstream)
    verdict = await probing.run_round(plane, guarded, probing.BEAT)
    assert verdict.passed
    assert len(probes(downstream)) == 3
    assert guarded.circuit.state is State.CLOSED
    assert guarded.circuit.reason == "all 3 probes passed"


async def test_the_first_failure_ends_the_round_and_the_circuit_waits_again(fleet, plane, downstream):
    guarded = await opened(fleet, plane, downstream)
    downstream.behave("/health", status=503)
    verdict = await probing.run_round(plane, guarded, probing.BEAT)
    assert verdict.last.detail == "status 503, expected 200-299"
    assert len(probes(downstream)) == 1
    assert (guarded.circuit.state, guarded.circuit.openings) == (State.OPEN, 2)
    row = await asyncio.to_thread(ProbeRun.objects.get)
    assert (row.target, row.passed, row.status) == ("catalog", False, 503)


async def test_a_body_without_the_expected_text_fails_with_what_it_began_with(fleet, plane, downstream):
    probe = PROBE | {"expect_body_contains": '"status": "up"'}
    guarded = await opened(fleet, plane, downstream, probe=probe)
    downstream.behave("/health", body=b'{"status": "starting"}')
    verdict = await probing.run_round(plane, guarded, probing.BEAT)
    assert "starting" in verdict.last.detail


async def test_a_probe_that_hangs_fails_by_its_own_timeout(fleet, plane, downstream):
    guarded = await opened(fleet, plane, downstream)
    downstream.behave("/health", hang=True)
    began = time.monotonic()
    verdict = await probing.run_round(plane, guarded, probing.BEAT)
    assert not verdict.passed
    assert time.monotonic() - began < 2
    assert guarded.circuit.state is State.OPEN


async def test_two_processes_never_probe_one_circuit_at_once(fleet, plane, downstream):
    guarded = await opened(fleet, plane, downstream)
    downstream.behave("/health", delay_s=0.1)
    other = await fleet.join("runner-2")
    verdicts = await asyncio.gather(
        probing.run_round(plane, guarded, probing.BEAT),
        probing.run_round(other, other.circuits["catalog"], probing.BEAT),
    )
    assert sorted(verdict is None for verdict in verdicts) == [False, True]
    assert len(probes(downstream)) == 3


@pytest.mark.parametrize(("order", "tried"), [("FORCED_OPEN", False), ("DISABLED", False), ("FORCED_CLOSED", True)])
async def test_an_operators_order_decides_whether_a_circuit_is_probed(fleet, plane, downstream, order, tried):
    await opened(fleet, plane, downstream)
    body = {"state": order, "reason": "test", "by": "ann", "since_ms": 0, "expires_at_ms": None}
    await fleet.put("override", "catalog", body)
    assert [guarded.slug for guarded in probing.due(plane)] == (["catalog"] if tried else [])


async def test_nothing_is_due_before_the_wait_is_over(fleet, plane, downstream):
    await opened(fleet, plane, downstream, wait_s=0.01, max_wait_duration_in_open_state_s=60)
    assert probing.due(plane)
    await opened_again(plane)
    assert not probing.due(plane)


async def opened_again(plane):
    guarded = plane.circuits["catalog"]
    fresh = await plane.move(guarded, probing.machine.half_open(guarded.circuit, "test"))
    breaker = guarded.settings.breaker
    longer = msgspec.structs.replace(breaker, wait_duration_in_open_state_s=30)
    await plane.move(guarded, probing.machine.after_round(longer, fresh, count=1, failure="test"))


async def test_a_half_open_circuit_whose_prober_died_opens_again(fleet, plane, downstream):
    guarded = await opened(fleet, plane, downstream, max_wait_duration_in_half_open_state_s=1)
    await plane.move(guarded, probing.machine.half_open(guarded.circuit, "the wait is over"))
    await asyncio.sleep(1.05)
    await probing.tick(plane)
    assert guarded.circuit.state is State.OPEN
    assert "no verdict within 1 s" in guarded.circuit.reason


async def test_probes_spend_slots_of_the_contract(fleet, plane, downstream):
    contract = {"id": 1, "limit": 4, "period_s": 60, "created_at_ms": 2**42}
    settings = BREAKER | {"wait_duration_in_open_state_s": 0.05}
    await fleet.target("catalog", downstream.url, breaker=settings, probe=PROBE, contracts=[contract])
    downstream.behave("/broken", status=500)
    await plane.guard.call("catalog", Request("GET", "/broken"))
    await asyncio.sleep(0.07)
    assert (await probing.run_round(plane, plane.circuits["catalog"], probing.BEAT)).passed
    assert plane.slots.reading(1).cooling == 4
