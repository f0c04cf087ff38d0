"""The main job on real traffic: two front-door workers, a downstream that breaks and recovers, nobody watching."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .journey_of_a_target import BREAKER, PROBE, Guarded


def test_traffic_passes_through_as_it_came(stack, downstream):
    guarded = Guarded(stack, downstream, "through")
    downstream.behave("/echo", status=201, body=b'{"ok": true}', headers={"X-Kept": "yes", "Connection": "X-Gone"})
    answer = stack.call("POST", "/through/echo?a=1&b=%2F", {"hello": "world"}, {"X-Mine": "1", "Connection": "X-Hop"})
    assert (answer.status, answer.body) == (201, b'{"ok": true}')
    assert (answer.headers["X-Kept"], answer.headers["X-Cache"]) == ("yes", "LIVE")
    received = downstream.requests[-1]
    assert (received.method, received.target) == ("POST", "/echo?a=1&b=%2F")
    assert received.body == b'{"hello": "world"}'
    assert received.headers["x-mine"] == "1"
    assert guarded.breaker()["effective_state"] == "CLOSED"


def test_the_fifth_failure_over_both_workers_opens_the_circuit_for_both(stack, downstream):
    guarded = Guarded(stack, downstream, "fifth", breaker=BREAKER | {"wait_duration_in_open_state_s": 60})
    assert guarded.get().headers["X-Cache"] == "LIVE"
    guarded.trip()
    time.sleep(0.25)
    before = len(downstream.requests)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: guarded.get(), range(24)))
    assert {(answer.status, answer.headers["X-Cache"]) for answer in answers} == {(200, "STALE")}
    assert all(0 <= int(answer.headers["Age"]) < 30 for answer in answers)
    refused = guarded.get("never-asked-before")
    assert (refused.status, refused.headers["Content-Type"]) == (503, "application/problem+json")
    assert 30 < int(refused.headers["Retry-After"]) <= 60
    problem = refused.json()
    assert (problem["target"], problem["status"]) == ("fifth", 503)
    assert "5 failures in a row" in problem["reason"]
    assert len(downstream.requests) == before
    guarded.mend()  # or its wait ends in the midst of another test, whose downstream is then probed
    assert stack.api("POST", "breakers/fifth/probe").status == 200
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "CLOSED", "it is closed again")


def test_recovery_needs_no_user_traffic_and_keeps_to_its_time(stack, downstream):
    guarded = Guarded(stack, downstream, "mended")
    guarded.trip()
    guarded.mend()
    wait, interval, round_ = BREAKER["wait_duration_in_open_state_s"], PROBE["interval_s"], 1
    guarded.eventually(
        lambda: guarded.breaker()["observed_state"] == "CLOSED", "it closes", within_s=wait + interval + round_ + 2
    )
    states = [(row["from_state"], row["to_state"]) for row in stack.api("GET", "breakers/mended/transitions").json()]
    assert states == [("HALF_OPEN", "CLOSED"), ("OPEN", "HALF_OPEN"), ("CLOSED", "OPEN")]
    assert [request.path for request in downstream.requests] == ["/health", "/health"]


def test_a_failed_probe_waits_another_time(stack, downstream):
    guarded = Guarded(stack, downstream, "relapse", breaker=BREAKER | {"wait_backoff_multiplier": 2})
    guarded.trip()

    def openings():
        rows = stack.api("GET", "breakers/relapse/transitions").json()
        return [row["wait_s"] for row in reversed(rows) if row["to_state"] == "OPEN"]

    guarded.eventually(lambda: len(openings()) >= 3, "two probes have failed", within_s=12)
    assert openings()[:3] == [1, 2, 4]
    guarded.mend()


def test_the_delay_flag_rises_on_every_worker_within_a_quarter_second_and_falls_after_recovery(stack, downstream):
    guarded = Guarded(stack, downstream, "delayed")
    assert not guarded.delayed()
    guarded.trip()
    tripped = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        while not all(pool.map(lambda _: guarded.delayed(), range(8))):
            assert time.monotonic() - tripped < 0.5
    document = stack.call("GET", "/-/processing-delay/delayed").json()
    assert (document["severity"], document["message"], document["retry"]) == ("warning", "Slow today.", False)
    guarded.mend()
    guarded.eventually(lambda: not guarded.delayed(), "the flag falls", within_s=12)


def test_the_delay_flag_is_cheap_to_poll(stack, downstream):
    Guarded(stack, downstream, "polled")
    first = stack.call("GET", "/-/processing-delay/polled", headers={"Origin": "https://shop.example"})
    assert first.headers["Access-Control-Allow-Origin"] in ("*", "https://shop.example")
    assert {"ETag", "Location", "Retry-After", "Age", "X-Cache"} <= {
        name.strip() for name in first.headers["Access-Control-Expose-Headers"].split(",")
    }
    time.sleep(1.2)
    again = stack.call("GET", "/-/processing-delay/polled", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert stack.call("GET", "/-/processing-delay/nobody").status == 404
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Headers": "if-none-match, idempotency-key"}
    preflight = stack.call("OPTIONS", "/-/processing-delay", headers=asked)
    assert preflight.status in (200, 204)
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "if-none-match" in allowed
    assert "idempotency-key" in allowed


def test_an_order_binds_both_workers_within_a_second_and_is_undone_by_its_expiry(stack, downstream):
    guarded = Guarded(stack, downstream, "ordered")
    order = {"state": "FORCED_OPEN", "reason": "provider asked us to stop", "expires_in_s": 3}
    assert stack.api("PUT", "breakers/ordered/override", order).status in (200, 201)
    given = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        while not all(pool.map(lambda _: guarded.refuses(), range(8))):
            assert time.monotonic() - given < 1
    seen = guarded.breaker()
    assert (seen["observed_state"], seen["effective_state"]) == ("CLOSED", "FORCED_OPEN")
    assert seen["override"]["reason"] == "provider asked us to stop"
    guarded.eventually(lambda: guarded.applied("breakers/ordered"), "both workers confirm")
    guarded.eventually(lambda: not guarded.refuses(), "the order lapses", within_s=5)
    guarded.eventually(lambda: guarded.breaker()["override"] is None, "and is gone from the configuration")


def test_a_change_is_live_on_every_worker_within_a_second(stack, downstream):
    guarded = Guarded(stack, downstream, "changed")
    other = stack.api("GET", "routes/changed").json() | {"path": "/elsewhere/{rest+}"}
    guarded.put("routes/changed", other)
    changed = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        while not all(
            answer.status == 200 for answer in pool.map(lambda _: stack.call("GET", "/elsewhere/x"), range(8))
        ):
            assert time.monotonic() - changed < 1
    assert guarded.get().status == 404


def test_slow_answers_trip_a_circuit(stack, downstream):
    policy = {
        "type": "slow_call_rate",
        "slow_call_duration_threshold_ms": 50,
        "slow_call_rate_threshold": 50,
        "minimum_number_of_calls": 4,
        "sliding_window_type": "TIME_BASED",
        "sliding_window_size": 30,
    }
    guarded = Guarded(stack, downstream, "slow", breaker=BREAKER | {"policies": [policy]})
    downstream.behave("/slow", delay_s=0.1)
    downstream.behave("/health", status=500)
    for _ in range(4):
        assert guarded.get("slow").status == 200
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "OPEN", "the circuit opens")
    guarded.mend()


@pytest.mark.parametrize(
    ("slug", "behaviour", "status"),
    [
        ("hangs", {"hang": True}, 504),
        ("resets", {"reset": True}, 502),
        ("garbles", {"malformed": True}, 502),
        ("floods", {"huge": 12_000_000}, 502),
        ("redirects", {"status": 302, "headers": {"Location": "http://169.254.169.254/"}}, 302),
    ],
)
def test_every_fault_has_its_answer(stack, downstream, slug, behaviour, status):
    guarded = Guarded(stack, downstream, slug, timeout_ms=700)
    downstream.behave("/fault", **behaviour)
    answer = guarded.get("fault")
    assert answer.status == status
    if status >= 500:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["target"] == slug


def test_a_contract_is_kept_at_the_provider_over_both_workers(stack, downstream):
    contract = {"limit": 20, "period_s": 1, "on_exhausted": "reject"}
    guarded = Guarded(stack, downstream, "metered", contracts=[contract])
    ends = time.monotonic() + 4
    with ThreadPoolExecutor(8) as pool:
        statuses: list[int] = []
        while time.monotonic() < ends:
            statuses += [answer.status for answer in pool.map(lambda _: guarded.get(), range(16))]
    at = [request.at for request in downstream.requests if request.path == "/article"]
    assert max(sum(start <= moment < start + 1 for moment in at) for start in at) <= 20
    assert len(at) >= 50
    assert set(statuses) == {200, 503}
    assert guarded.breaker()["observed_state"] == "CLOSED"
