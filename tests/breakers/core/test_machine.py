"""The moves of a circuit, decided by pure functions; no clock runs here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.core import machine
from breakers.core.machine import Circuit, Move
from breakers.core.policies import ConsecutiveFailures, FailureRate, Totals
from breakers.core.settings import BreakerSettings, Override
from breakers.core.states import TRANSITIONS, State

BREAKER = BreakerSettings(policies=(ConsecutiveFailures(threshold=5),), wait_duration_in_open_state_s=30)
CLOSED, OPEN, HALF_OPEN = Circuit(), Circuit(State.OPEN, 7, 1000, 31_000, openings=1), Circuit(State.HALF_OPEN, 9, 1000)


def override(state: State, expires_at_ms: int | None = None) -> Override:
    return Override(state, "planned work", "ann", 0, expires_at_ms)


def test_a_closed_circuit_opens_with_the_reason_and_the_wait():
    move = machine.after_counts(BREAKER, CLOSED, 5, [])
    assert move == Move(0, State.OPEN, "5 failures in a row (threshold 5)", wait_ms=30_000, openings=1, outage=True)


def test_below_every_threshold_nothing_moves():
    assert machine.after_counts(BREAKER, CLOSED, 4, []) is None


def test_any_one_policy_opens():
    breaker = BreakerSettings(policies=(ConsecutiveFailures(threshold=100), FailureRate(minimum_number_of_calls=10)))
    assert machine.after_counts(breaker, CLOSED, 3, [Totals(calls=10, failures=6)]).reason.startswith("60 %")


@pytest.mark.parametrize("circuit", [OPEN, HALF_OPEN])
def test_counts_move_only_a_closed_circuit(circuit):
    assert machine.after_counts(BREAKER, circuit, 99, []) is None


def test_a_providers_retry_after_lengthens_the_wait_but_not_beyond_the_longest():
    assert machine.after_counts(BREAKER, CLOSED, 5, [], retry_after_ms=90_000).wait_ms == 90_000
    assert machine.after_counts(BREAKER, CLOSED, 5, [], retry_after_ms=9_000_000).wait_ms == 600_000


@pytest.mark.parametrize(("now_ms", "moves"), [(30_999, False), (31_000, True)])
def test_an_open_circuit_half_opens_when_its_wait_is_over(now_ms, moves):
    assert bool(machine.after_wait(OPEN, now_ms)) is moves


def test_a_failed_trial_opens_for_another_longer_wait():
    breaker = BreakerSettings(wait_backoff_multiplier=2, wait_duration_in_open_state_s=10)
    waits = []
    circuit = Circuit(State.HALF_OPEN, openings=1)
    for _ in range(7):
        move = machine.after_trial(breaker, circuit, passed=0, failure="status 500")
        waits.append(move.wait_ms / 1000)
        circuit = Circuit(State.HALF_OPEN, openings=move.openings)
    assert waits == [20, 40, 80, 160, 320, 600, 600]


def test_the_success_threshold_closes_and_one_less_does_not():
    assert machine.after_trial(BREAKER, HALF_OPEN, passed=2, failure=None) is None
    move = machine.after_trial(BREAKER, HALF_OPEN, passed=3, failure=None)
    assert (move.to, move.openings, move.outage) == (State.CLOSED, 0, False)


def test_a_probe_round_closes_only_when_all_passed():
    assert machine.after_round(BREAKER, HALF_OPEN, count=3, failure=None).to is State.CLOSED
    assert machine.after_round(BREAKER, HALF_OPEN, count=3, failure="status 500").to is State.OPEN


def test_a_verdict_that_arrives_after_the_circuit_moved_on_moves_nothing():
    assert machine.after_round(BREAKER, OPEN, count=3, failure=None) is None
    assert machine.after_trial(BREAKER, CLOSED, passed=9, failure=None) is None


def test_half_open_without_a_verdict_counts_as_failed():
    assert machine.after_half_open(BREAKER, HALF_OPEN, 30_999) is None
    assert machine.after_half_open(BREAKER, HALF_OPEN, 31_000).to is State.OPEN


@pytest.mark.parametrize(
    ("mode", "order", "expected"),
    [
        ("enforce", None, State.OPEN),
        ("observe", None, State.METRICS_ONLY),
        ("observe", override(State.FORCED_OPEN), State.FORCED_OPEN),
        ("enforce", override(State.FORCED_CLOSED), State.FORCED_CLOSED),
        ("enforce", override(State.DISABLED, expires_at_ms=100), State.DISABLED),
        ("enforce", override(State.DISABLED, expires_at_ms=50), State.OPEN),
    ],
)
def test_an_operators_word_outranks_the_mode_and_the_mode_what_was_observed(mode, order, expected):
    assert machine.effective(OPEN, BreakerSettings(mode=mode), order, now_ms=50) is expected


CIRCUITS = st.builds(
    Circuit,
    state=st.sampled_from([State.CLOSED, State.OPEN, State.HALF_OPEN]),
    epoch=st.integers(0, 10**13),
    since_ms=st.integers(0, 10**6),
    until_ms=st.integers(0, 10**6),
    openings=st.integers(0, 50),
)


@given(circuit=CIRCUITS, now_ms=st.integers(0, 10**7), streak=st.integers(0, 20), passed=st.integers(0, 20))
def test_whatever_is_decided_is_a_move_of_the_table_made_for_the_epoch_that_was_seen(circuit, now_ms, streak, passed):
    for move in (
        machine.after_counts(BREAKER, circuit, streak, []),
        machine.after_wait(circuit, now_ms),
        machine.after_trial(BREAKER, circuit, passed=passed, failure=None),
        machine.after_trial(BREAKER, circuit, passed=passed, failure="status 500"),
        machine.after_round(BREAKER, circuit, count=3, failure=None),
        machine.after_half_open(BREAKER, circuit, now_ms),
    ):
        if move is not None:
            assert move.to in TRANSITIONS[circuit.state]
            assert move.epoch == circuit.epoch
            assert move.wait_ms <= 600_000
