"""Each behaviour is what it says, over real HTTP."""

from __future__ import annotations

import http.client
import time

import pytest

from compositions.practice_range.addresses import SLUGS

from .equipment import PracticeRange, ask


def test_every_service_is_healthy_at_first(practice: PracticeRange) -> None:
    for slug in SLUGS:
        reply = practice.service(slug, "GET", "/health")
        assert (reply.status, reply.json) == (200, {"status": "ok", "service": slug})


def test_slow_answers_correctly_but_late(practice: PracticeRange) -> None:
    practice.put("articles", behaviour="slow", delay_ms=250)
    started = time.monotonic()
    reply = practice.service("articles", "GET", "/articles")
    took_s = time.monotonic() - started
    assert reply.status == 200
    assert reply.json["articles"]
    assert 0.19 < took_s < 1


def test_errors_500_fails_every_request_and_the_health_check(practice: PracticeRange) -> None:
    practice.put("content", behaviour="errors_500")
    assert practice.service("content", "GET", "/content/whale-fall").status == 500
    assert practice.service("content", "GET", "/health").status == 500


def test_a_share_of_errors_leaves_the_rest_whole(practice: PracticeRange) -> None:
    practice.put("content", behaviour="errors_500", share=50)
    statuses = [practice.service("content", "GET", "/health").status for _ in range(60)]
    assert set(statuses) == {200, 500}
    assert 10 < statuses.count(500) < 50


def test_throttle_429_says_when_to_try_again(practice: PracticeRange) -> None:
    practice.put("loyalty", behaviour="throttle_429")
    reply = practice.service("loyalty", "GET", "/points/reader-07")
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) > 0


def test_hang_takes_the_request_and_never_answers(practice: PracticeRange) -> None:
    practice.put("fraud", behaviour="hang")
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        practice.service("fraud", "POST", "/checks", "{}", timeout_s=0.4)
    assert time.monotonic() - started >= 0.4


def test_a_hanging_request_is_dropped_when_the_service_is_switched(practice: PracticeRange) -> None:
    practice.put("fraud", behaviour="hang")
    connection = http.client.HTTPConnection("127.0.0.1", practice.addresses.port_of("fraud"), timeout=5)
    connection.request("GET", "/health")
    time.sleep(0.1)
    practice.put("fraud", behaviour="healthy")
    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        connection.getresponse()
    connection.close()


def test_refuse_closes_the_port_and_drops_open_connections(practice: PracticeRange) -> None:
    port = practice.addresses.port_of("payment")
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    kept.request("GET", "/health")
    kept.getresponse().read()
    practice.put("payment", behaviour="refuse")
    with pytest.raises(ConnectionRefusedError):
        ask(port, "GET", "/health")
    assert kept.sock.recv(1) == b""
    kept.close()


def test_a_refusing_service_comes_back_on_its_own_port(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="refuse")
    assert practice.put("payment", behaviour="healthy").status == 200
    assert practice.service("payment", "GET", "/health").status == 200


def test_one_broken_service_leaves_the_others_alone(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="hang")
    assert practice.service("articles", "GET", "/health").status == 200


def test_reset_makes_everything_healthy(practice: PracticeRange) -> None:
    practice.put("payment", behaviour="refuse")
    practice.put("search", behaviour="slow", delay_ms=10_000)
    practice.put("fraud", behaviour="hang")
    assert practice.control("POST", "/reset").status == 200
    assert {setting["behaviour"] for setting in practice.control("GET", "/behaviours").json.values()} == {"healthy"}
    for slug in SLUGS:
        assert practice.service(slug, "GET", "/health", timeout_s=1).status == 200
