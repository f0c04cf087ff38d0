"""Actions may follow a pipe: open while it is stopped, by a circuit that it needs or by an operator."""

import pytest

from breakers.actions.levels import together
from breakers.core.states import State
from tests.breakers.runner import Runner

NAMES = ("pipe:onboarding",)


@pytest.fixture
def runner(valkey, settings, tmp_path):
    settings.LAST_GOOD = tmp_path / "last-good.json"
    running = Runner()
    running.run(running.fleet.target("payment", "http://127.0.0.1:9001"))
    yield running
    running.close()


def test_a_pipe_is_open_while_it_is_stopped(runner):
    body = {"slug": "onboarding", "desired_state": "RUNNING", "targets": ["payment"]}
    assert together(runner.plane, NAMES) is None
    runner.run(runner.fleet.put("pipe", "onboarding", body))
    assert together(runner.plane, NAMES).word == "closed"
    runner.turn(State.OPEN)
    level = together(runner.plane, NAMES)
    assert (level.word, level.reason) == ("open", "onboarding: payment is open")
    assert level.since_ms > 0
    runner.turn(State.HALF_OPEN, State.CLOSED)
    stopped = body | {"desired_state": "STOPPED", "desired_by": "ann", "desired_reason": "deploy"}
    runner.run(runner.fleet.put("pipe", "onboarding", stopped))
    assert together(runner.plane, NAMES).word == "open"
