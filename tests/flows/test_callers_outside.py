"""A service with its own HTTP client shares the circuit with the front door: it opens it, and is stopped by it."""

import asyncio
import urllib.error
import urllib.request

import pytest

from switchgear_client import CircuitOpen, Switchgear
from tests.servers.processes import wait_until

from .journey_of_a_target import Guarded

BREAKER = {"policies": [{"type": "consecutive_failures", "threshold": 5}], "wait_duration_in_open_state_s": 60}


@pytest.fixture
def gear(stack):
    with Switchgear(stack.frontdoor, stack.token) as opened:
        yield opened


def state(stack, slug):
    return stack.api("GET", f"breakers/{slug}").json()["effective_state"]


def test_its_failures_open_the_circuit_for_the_front_door_and_for_itself(stack, downstream, gear):
    guarded = Guarded(stack, downstream, "outer", breaker=BREAKER, probe=None)
    assert guarded.get().status == 200
    circuit = gear.circuit("outer")
    downstream.behave("/charge", status=503)

    @circuit.guard
    def charge():
        with urllib.request.urlopen(f"http://127.0.0.1:{downstream.port}/charge", timeout=2) as answer:
            return answer

    made: list[Exception] = []

    def stopped():
        try:
            charge()
        except (CircuitOpen, urllib.error.HTTPError) as error:
            made.append(error)
        return isinstance(made[-1], CircuitOpen)

    wait_until(stopped, 5, "it is stopped")
    assert len(made) > 5
    assert 1 <= made[-1].retry_after_s <= 60
    assert made[-1].state == "OPEN"
    assert state(stack, "outer") == "OPEN"
    refused = guarded.get("never-asked-before")
    assert (refused.status, refused.json()["type"]) == (503, "/problems/breaker-open")
    (failure, *_) = [failure["detail"] for failure in failures(stack, "outer")]
    assert failure.startswith("told by admin")


def failures(stack, slug):
    """The evidence of the last move."""
    moves = stack.api("GET", f"breakers/{slug}/transitions").json()
    return moves[0]["evidence"]


def test_an_operators_word_stops_it_within_a_second_and_lets_it_go_on(stack, downstream, gear):
    Guarded(stack, downstream, "ordered", breaker=BREAKER, probe=None)
    circuit = gear.circuit("ordered")

    async def called():
        try:
            async with circuit.call() as call:
                call.status = 200
        except CircuitOpen as stopped:
            return stopped.reason
        return "called"

    def call():
        return asyncio.run(called())

    assert call() == "called"
    order = {"state": "FORCED_OPEN", "reason": "maintenance", "expires_in_s": 60}
    assert stack.api("PUT", "breakers/ordered/override", order).status == 200
    wait_until(lambda: call() == "maintenance", 3, "it is stopped")
    assert stack.api("DELETE", "breakers/ordered/override", {"reason": "done"}).status == 204
    wait_until(lambda: call() == "called", 3, "it goes on")


def test_where_only_outsiders_call_a_permit_tries_the_recovery(stack, downstream, gear):
    breaker = BREAKER | {"wait_duration_in_open_state_s": 0.5, "success_threshold": 2, "half_open_by": "traffic"}
    Guarded(stack, downstream, "alone", breaker=breaker, probe=None)
    circuit = gear.circuit("alone")
    for _ in range(5):
        circuit.tell("connect_error", 1.0)
    wait_until(lambda: state(stack, "alone") == "OPEN", 5, "it opens")

    def trial():
        try:
            with circuit.call(trial=True) as call:
                call.status = 200
        except CircuitOpen:
            return state(stack, "alone")
        return state(stack, "alone")

    wait_until(lambda: trial() == "CLOSED", 10, "trial calls close it")
