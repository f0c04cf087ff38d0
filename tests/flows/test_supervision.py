"""Starting, stopping and surviving: what an operator may rely on from `make up`."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
import redis

from controlplane.supervisor import embedded
from tests.servers.processes import wait_until
from tests.servers.stack import ROOT, Stack

# Whatever it starts, it starts on two cores that run other tests as well: waits are long, and end early.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("stack")]
EVERYONE = {"supervisor", "valkey", "control", "frontdoor", "worker", "sagas", "beat"}


def is_complete(stack: Stack) -> bool:
    return all(stack.pids(name) for name in EVERYONE) and len(stack.workers_of("frontdoor")) == 2


def pages_answer(stack: Stack) -> bool:
    try:
        control = stack.ask(stack.control, "GET", "/healthz", None, {})
        frontdoor = stack.call("GET", "/-/healthz")
    except OSError:
        return False
    return control.status == frontdoor.status == 200


def start_complete(stack: Stack) -> Stack:
    stack.start()
    wait_until(lambda: is_complete(stack), 60, "every process runs")
    return stack


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for the tests that hurt it and leave it recovered."""
    own = Stack(tmp_path_factory.mktemp("running"))
    try:
        yield start_complete(own)
    finally:
        own.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_every_process(new_stack: Stack, number: signal.Signals) -> None:
    start_complete(new_stack).signal(number)
    assert new_stack.process is not None
    assert new_stack.process.wait(45) == 0
    assert new_stack.everything() == {}


def test_a_killed_supervisor_takes_every_process_with_it(new_stack: Stack) -> None:
    start_complete(new_stack).signal(signal.SIGKILL)
    wait_until(lambda: not new_stack.everything(), 5, f"nothing is left; there is {new_stack.everything()}")


def test_a_stop_during_the_start_leaves_nothing(new_stack: Stack) -> None:
    process = new_stack.spawn()
    wait_until(lambda: new_stack.pids("valkey"), 20, "the first child runs")
    process.terminate()
    assert process.wait(45) == 0
    assert new_stack.everything() == {}


def test_the_supervisor_ends_with_make(new_stack: Stack) -> None:
    """SIGTERM reaches it through make; a SIGINT that only make got is noticed; a killed make takes it along."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        make = subprocess.Popen(["make", "up"], cwd=ROOT, env=new_stack.env, stdout=subprocess.DEVNULL)
        wait_until(lambda: pages_answer(new_stack), 60, "the pages answer")
        make.send_signal(number)
        make.wait(45)
        wait_until(lambda: not new_stack.everything(), 20, f"nothing is left after {number.name}")


def test_a_dead_child_is_started_again(running: Stack) -> None:
    for name in ("control", "frontdoor", "worker", "sagas", "beat"):
        victim = running.children_of(running.pids("supervisor")[0])
        master = next(pid for pid in running.pids(name) if pid in victim)
        os.kill(master, signal.SIGKILL)
        wait_until(lambda gone=master: gone not in running.everything(), 5, f"{name} is gone")
    wait_until(lambda: is_complete(running) and pages_answer(running), 60, "all run again")
    assert running.said("control ended (killed by SIGKILL)")


def test_a_dead_front_door_worker_is_started_again(running: Stack) -> None:
    one, other = running.workers_of("frontdoor")
    os.kill(one, signal.SIGKILL)
    wait_until(lambda: one not in running.everything() and is_complete(running), 60, "a new worker runs")
    assert other in running.workers_of("frontdoor")


def test_what_valkey_holds_survives_its_death(running: Stack) -> None:
    url = embedded.url(running.data_dir)
    with redis.Redis.from_url(url) as client:
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 10_000)  # on a busy disk the append-only file is up to 2 s behind
        [server] = running.pids("valkey")
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: running.pids("valkey") not in ([], [server]), 20, "Valkey runs again")
        assert embedded.wait_until_answers(embedded.port(running.data_dir), timeout_s=10)
        assert client.get("kept") == b"yes"


def test_a_second_start_on_the_same_data_is_refused_in_plain_words(stack: Stack) -> None:
    second = Stack(stack.data_dir, env={"DATABASE_URL": stack.env.get("DATABASE_URL", "")})
    try:
        assert second.spawn().wait(45) == 1
        wait_until(lambda: second.output, 5, "it says why")
        assert f"Switchgear already runs on {stack.data_dir}" in second.output[0]
        assert len(second.output) == 1
    finally:
        second.end()
    assert pages_answer(stack)


def test_a_taken_port_is_refused_in_plain_words(new_stack: Stack, stack: Stack) -> None:
    new_stack.env["FRONTDOOR_PORT"] = str(stack.frontdoor_port)
    assert new_stack.spawn().wait(45) == 1
    wait_until(lambda: new_stack.output, 5, "it says why")
    assert f"Port {stack.frontdoor_port} on 127.0.0.1 is taken" in new_stack.output[0]
    assert "FRONTDOOR_PORT" in new_stack.output[0]


def test_password_and_token_stay_the_same_over_restarts(new_stack: Stack) -> None:
    new_stack.start()
    first = (new_stack.password, new_stack.token, (new_stack.data_dir / "secret-key").read_text())
    new_stack.restart()
    assert (new_stack.password, new_stack.token, (new_stack.data_dir / "secret-key").read_text()) == first
    assert new_stack.api("GET", "targets").status == 200
    for name in ("admin-password", "api-token", "secret-key", "valkey/appendonlydir/appendonly.aof.manifest"):
        assert (new_stack.data_dir / name).stat().st_mode & 0o077 == 0, name


def test_password_and_token_can_be_given(new_stack: Stack) -> None:
    new_stack.env |= {"ADMIN_PASSWORD": "a long enough password", "API_TOKEN": "a-token-of-our-own"}
    new_stack.start()
    assert (new_stack.password, new_stack.token) == ("a long enough password", "a-token-of-our-own")
    assert new_stack.api("GET", "targets").status == 200
    secrets = [f"/proc/{pid}/environ" for pid in new_stack.everything() if pid not in new_stack.pids("supervisor")]
    assert not any(b"a-token-of-our-own" in open(path, "rb").read() for path in secrets)  # noqa: SIM115, PTH123


def test_an_external_store_replaces_the_embedded_one(new_stack: Stack, valkey: str) -> None:
    new_stack.env["REDIS_URL"] = valkey
    new_stack.start()
    assert new_stack.pids("valkey") == []
    with redis.Redis.from_url(valkey) as client:
        wait_until(lambda: client.keys("*"), 10, "the stack uses the given store")
