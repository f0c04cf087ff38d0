"""When a closed circuit opens, each policy by itself."""

import pytest

from breakers.core.policies import POLICIES, ConsecutiveFailures, FailureRate, SlowCallRate, Totals
from breakers.core.policies.windows import Window


@pytest.mark.parametrize(("streak", "opens"), [(0, False), (4, False), (5, True), (9, True)])
def test_failures_in_a_row_open_at_the_threshold(streak, opens):
    assert bool(ConsecutiveFailures(threshold=5).verdict(Totals(streak=streak))) is opens


@pytest.mark.parametrize(
    ("calls", "failures", "opens"),
    [(19, 19, False), (20, 9, False), (20, 10, True), (1000, 499, False), (1000, 500, True), (0, 0, False)],
)
def test_a_failure_rate_needs_its_minimum_of_calls_and_opens_at_the_threshold(calls, failures, opens):
    policy = FailureRate(failure_rate_threshold=50, minimum_number_of_calls=20)
    assert bool(policy.verdict(Totals(calls=calls, failures=failures))) is opens


@pytest.mark.parametrize(("calls", "slow", "opens"), [(19, 19, False), (20, 9, False), (20, 10, True)])
def test_a_slow_call_rate_opens_without_a_single_failure(calls, slow, opens):
    policy = SlowCallRate(slow_call_rate_threshold=50, minimum_number_of_calls=20)
    assert bool(policy.verdict(Totals(calls=calls, slow=slow))) is opens


def test_the_reason_names_the_measure_and_the_threshold():
    reason = SlowCallRate().verdict(Totals(calls=20, slow=15))
    assert reason == "75 % of 20 calls took 500 ms or longer (threshold 50 %)"


def test_a_count_window_smaller_than_its_minimum_is_refused():
    (problem,) = FailureRate(
        sliding_window_type="COUNT_BASED", sliding_window_size=10, minimum_number_of_calls=20
    ).problems("breaker.policies[0]")
    assert problem.path == "breaker.policies[0].minimum_number_of_calls"


def test_policies_read_the_window_they_configure():
    assert FailureRate(sliding_window_size=60).window() == Window("TIME_BASED", 60, None)
    assert SlowCallRate(slow_call_duration_threshold_ms=300).window() == Window("TIME_BASED", 30, 300)
    assert ConsecutiveFailures().window() is None


def test_every_policy_of_the_table_says_itself_in_a_sentence():
    assert all(kind().sentence() for kind in POLICIES.values())
