"""Two front-door workers on one Valkey: what happens in one of them holds in both."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .equipment import Door, eventually, free_port, hear, journey, publish, route, target

BRITTLE = {"policies": [{"type": "consecutive_failures", "threshold": 4}], "wait_duration_in_open_state_s": 30}


@pytest.fixture
def pieces(echo):
    return [
        target("old", echo.port),
        target("new", echo.port),
        target("brittle", echo.port, breaker=BRITTLE),
        route("monolith", "/{rest+}", "old", "GET", "POST", at="/monolith/{rest+}"),
        route("fail", "/fail", "brittle"),
        journey("subscribe", "brittle", en="We have received your order."),
    ]


@pytest.fixture
def doors(tmp_path, valkey, pieces):
    door = Door(tmp_path, pieces, redis_url=valkey, workers=2)
    publish(valkey, 1, pieces)
    eventually(lambda: not any(asked["stale"] for asked in everywhere(door, "/-/processing-delay")))
    yield door
    door.stop()


def everywhere(door, path):
    """The answers over so many connections that both workers were asked."""
    with ThreadPoolExecutor(16) as pool:
        return [answer.json() for answer in pool.map(lambda _: door.ask(path), range(16))]


def test_a_moved_route_is_live_in_every_worker_within_a_second_and_no_request_is_lost(doors, valkey, pieces):
    assert {answer["target"] for answer in everywhere(doors, "/search")} == {"/monolith/search"}
    publish(valkey, 2, [*pieces, route("search", "/search", "new", at="/v2/search")])
    published = time.monotonic()
    seen = set()
    while {answer["target"] for answer in everywhere(doors, "/search")} != {"/v2/search"}:
        seen.add(len(seen))
        assert time.monotonic() - published < 1
    publish(valkey, 3, pieces)
    eventually(lambda: {a["target"] for a in everywhere(doors, "/search")} == {"/monolith/search"}, within_s=1)


def test_a_request_whose_body_was_on_its_way_follows_the_newer_table_alone(doors, valkey, pieces):
    with socket.create_connection(("127.0.0.1", doors.port), timeout=5) as wire:
        wire.sendall(b"POST /search HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab")
        publish(valkey, 2, [*pieces, route("search", "/search", "new", "POST", at="/v2/search")])
        eventually(lambda: doors.ask("/search", "POST", body=b"x").json()["target"] == "/v2/search")
        time.sleep(0.2)
        wire.sendall(b"cd")
        answer = hear(wire.makefile("rb")).json()
    assert (answer["target"], answer["body"]) == ("/v2/search", "abcd")


def test_the_failure_that_opens_a_circuit_raises_the_flag_in_every_worker_within_250_ms(doors):
    for _ in range(4):
        assert doors.ask("/fail").status == 500
    failed = time.monotonic()
    eventually(lambda: all(answer["delayed"] for answer in everywhere(doors, "/-/processing-delay/subscribe")))
    assert time.monotonic() - failed < 0.25
    refusal = doors.ask("/fail")
    assert refusal.status == 503
    assert 1 <= int(refusal.headers["retry-after"]) <= 30
    document = refusal.json()
    assert (document["target"], document["type"]) == ("brittle", "/problems/breaker-open")
    assert document["reason"]
    flag = doors.ask("/-/processing-delay/subscribe").json()
    assert flag["journeys"][0]["message"] == "We have received your order."
    # A worker knows the store's time to within some milliseconds, and seconds are rounded up.
    assert 0 < flag["journeys"][0]["estimated_s"] <= 31


def test_before_any_configuration_requests_are_told_to_come_back_in_a_second(tmp_path):
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    door = Door(tmp_path, None, redis_url=nowhere)
    try:
        answer = door.ask("/anything")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == "application/problem+json"
        assert door.ask("/-/processing-delay").status == 503
    finally:
        door.stop()
