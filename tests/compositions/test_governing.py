"""A backlog drains at a rate that ramps, stays below what contracts allow, pauses on failures, and tells its end."""

import math

import pytest

from compositions.governing import Drain, Governor


def started(governor: Governor, until_s: float, waiting: int = 10**9, since_s: float = 0.0, step_s: float = 0.2) -> int:
    """How many a dispatcher that asks five times a second has started."""
    total, now = 0, since_s
    while now < until_s and total < waiting:
        count = min(waiting - total, int(governor.allowance(now)))
        governor.spend(count)
        total += count
        now += step_s
    return total


def test_the_rate_ramps_from_its_beginning_to_the_most() -> None:
    governor = Governor(Drain(start_per_s=1, ramp_s=60, max_per_s=21))
    governor.restart(100)
    assert [governor.rate(100 + after) for after in (0, 30, 60, 600)] == [1, 11, 21, 21]


def test_what_the_contracts_allow_is_never_exceeded() -> None:
    governor = Governor(Drain(start_per_s=5, ramp_s=10, max_per_s=100), contracts_per_s=2)
    governor.restart(0)
    assert governor.rate(0) == governor.rate(1000) == 2
    assert started(governor, 100) == pytest.approx(201, abs=3)


def test_without_any_ceiling_the_ramp_doubles_eight_times_and_is_free_then() -> None:
    governor = Governor(Drain(start_per_s=1, ramp_s=60, max_per_s=None))
    governor.restart(0)
    assert governor.rate(30) == pytest.approx(16)
    assert governor.rate(59.999) == pytest.approx(256, rel=0.01)
    assert governor.rate(60) is None
    assert governor.allowance(61) == math.inf


def test_a_pipe_that_was_idle_does_not_start_everything_at_once() -> None:
    governor = Governor(Drain(max_per_s=10))
    governor.drained()
    assert governor.allowance(1_000) <= 10


def test_the_first_intent_starts_at_once_and_alone() -> None:
    governor = Governor(Drain(start_per_s=0.1, ramp_s=60, max_per_s=1))
    governor.restart(50)
    assert governor.allowance(50) == 1
    governor.spend(1)
    assert governor.allowance(51) == 0


def test_failures_pause_the_drain_longer_each_time_and_it_goes_on_at_half_the_rate() -> None:
    governor = Governor(Drain(start_per_s=1, ramp_s=60, max_per_s=61))
    governor.restart(0)
    assert governor.rate(30) == 31
    governor.failed(30)
    assert governor.allowance(34.9) == 0
    assert governor.rate(35) == pytest.approx(15.5)
    governor.failed(31)
    assert governor.paused_until_s == 35, "failures of what was under way count once"
    governor.failed(36)
    assert governor.paused_until_s == 46
    governor.restart(200)
    assert governor.rate(200) == 1
    governor.failed(201)
    assert governor.paused_until_s == 206, "a new outage begins anew"


@pytest.mark.parametrize("drain", [Drain(1, 60, 20), Drain(2, 10, None), Drain(5, 0, 10), Drain(3, 30, 3)])
@pytest.mark.parametrize("waiting", [1, 40, 400])
def test_the_eta_is_when_the_last_one_is_started(drain: Drain, waiting: int) -> None:
    governor = Governor(drain)
    governor.restart(0)
    eta = governor.eta_s(0, waiting)
    assert eta == pytest.approx(governor.eta_after_restart_s(waiting))
    if eta:
        at = started(governor, eta, waiting=10**9, step_s=0.01)
        assert at == pytest.approx(waiting, abs=2 + waiting * 0.05)


def test_the_eta_knows_a_pause_and_what_was_observed() -> None:
    governor = Governor(Drain(start_per_s=10, ramp_s=0, max_per_s=10))
    governor.restart(0)
    assert governor.eta_s(0, 100) == 10
    assert governor.eta_s(0, 100, observed_per_s=2) == 50
    governor.failed(0)
    assert governor.eta_s(0, 100) == 15
    assert governor.eta_s(0, 0) == 0
