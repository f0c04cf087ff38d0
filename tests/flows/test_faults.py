"""What fails, and what goes on: the stances of the design, each seen on a running Switchgear."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from controlplane.supervisor import embedded
from tests.servers.processes import wait_until
from tests.servers.stack import Stack

from .journey_of_a_target import BREAKER, Guarded


@pytest.fixture(scope="module")
def hurt_stack(tmp_path_factory):
    """A stack for the tests that hurt it and leave it recovered; the last of them ends it."""
    own = Stack(tmp_path_factory.mktemp("hurt"), workers=2)
    try:
        yield own.start()
    finally:
        own.end()


@pytest.fixture
def guarded(hurt_stack, downstream, request):
    wait_until(lambda: len(hurt_stack.workers_of("frontdoor")) == 2, 30, "both workers run")
    wait_until(
        lambda: hurt_stack.api("GET", "config").json()["workers"] == {"applied": 2, "total": 2}, 30, "all is well"
    )
    slug = request.function.__name__.removeprefix("test_").replace("_", "-")[:40].strip("-")
    return Guarded(hurt_stack, downstream, slug, breaker=BREAKER | {"wait_duration_in_open_state_s": 3})


def valkey_of(stack):
    return redis.Redis(port=embedded.port(stack.data_dir), socket_timeout=1)


def is_stale(guarded):
    return guarded.stack.call("GET", f"/-/processing-delay/{guarded.slug}").json()["stale"]


def test_with_valkey_killed_traffic_flows_and_what_was_open_recovers_after_its_return(guarded):
    stack = guarded.stack
    guarded.get()
    os.kill(stack.pids("valkey")[0], signal.SIGKILL)
    for _ in range(20):
        assert guarded.get().status == 200
        assert stack.call("GET", "/-/processing-delay").status == 200
        time.sleep(0.05)
    wait_until(lambda: stack.api("GET", "config").json()["workers"] == {"applied": 2, "total": 2}, 20, "all is back")
    guarded.eventually(lambda: guarded.breaker()["counts"]["calls"] >= 20, "what was counted meanwhile has arrived")
    guarded.trip()
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "OPEN", "circuits open again")
    guarded.mend()
    guarded.eventually(lambda: guarded.breaker()["observed_state"] == "CLOSED", "and close", within_s=20)


def test_a_flush_loses_no_order_of_an_operator(guarded):
    stack = guarded.stack
    order = {"state": "FORCED_OPEN", "reason": "provider asked us to stop", "expires_in_s": 600}
    stack.api("PUT", f"breakers/{guarded.slug}/override", order)
    guarded.eventually(lambda: guarded.applied(f"breakers/{guarded.slug}"), "both workers confirm the order")
    valkey_of(stack).flushall()
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        assert guarded.refuses()
        time.sleep(0.05)
    guarded.eventually(lambda: guarded.breaker()["effective_state"] == "FORCED_OPEN", "the board shows it", within_s=10)


def test_an_order_binds_though_valkey_is_stopped(guarded):
    stack = guarded.stack
    pid = stack.pids("valkey")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        order = {"state": "FORCED_OPEN", "reason": "provider asked us to stop", "expires_in_s": 600}
        assert stack.api("PUT", f"breakers/{guarded.slug}/override", order).status in (200, 201)
        guarded.eventually(lambda: all(guarded.refuses() for _ in range(6)), "both workers obey", within_s=8)
        guarded.eventually(lambda: is_stale(guarded), "the flag says that it is stale", within_s=8)
        assert guarded.delayed()
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_killed_worker_is_replaced_and_nothing_else_notices(guarded):
    stack = guarded.stack
    first = stack.workers_of("frontdoor")
    os.kill(first[0], signal.SIGKILL)
    wait_until(lambda: len(set(stack.workers_of("frontdoor")) - {first[0]}) == 2, 20, "another worker runs")
    guarded.eventually(lambda: guarded.applied("config"), "and has the configuration", within_s=15)
    assert all(guarded.get().status == 200 for _ in range(10))


def test_a_front_door_starts_from_its_last_good_file_without_database_and_valkey(guarded, tmp_path):
    """Both stores away: only what was written down remains, and it is enough to serve."""
    stack = guarded.stack
    guarded.get()
    stack.stop()
    env = stack.env | {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none" if stack.database else "sqlite:////nonexistent/none",
        "PLAIN_HTTP": "1",
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(stack.frontdoor_port)]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([*command, "compositions.frontdoor.app:app"], env=env, stderr=file)
    try:

        def answers():
            try:
                return guarded.get().status == 200
            except OSError:
                return False

        wait_until(answers, 30, "the front door serves from the file")
        guarded.eventually(lambda: is_stale(guarded), "the flag says that it is stale", within_s=8)
    finally:
        process.terminate()
        process.wait(20)
    away = [json.loads(line) for line in log.read_text().splitlines() if '"config_database_away"' in line]
    assert away, log.read_text()
    assert away[0]["error"], "the log says what was wrong"
