"""A second beat and two more workers beside those of `manage.py up`: no probe and no intent runs twice at once."""

import itertools
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from breakers.store.fleet import fleet_key, read_worker
from controlplane.supervisor import embedded, table
from tests.servers.downstream import Downstream
from tests.servers.processes import wait_until
from tests.servers.stack import ROOT, Stack

from .journey_of_a_target import Guarded
from .test_pipes import Piped

RENAMED = {"ops@%h": "more-ops@%h", "sagas@%h": "more-sagas@%h"}
SUBSCRIPTIONS, TAKES_S = 40, 0.3


@pytest.fixture
def doubled(stack: Stack) -> Iterator[Stack]:
    silent, more = subprocess.DEVNULL, []
    for child in table.background():
        command = [RENAMED.get(word, word) for word in child.argv]
        more.append(subprocess.Popen(command, cwd=ROOT, env=stack.env, stdout=silent, stderr=silent))
    try:
        wait_until(lambda: len(stack.pids("beat")) == 2, 20, "two beats run")
        wait_until(lambda: workers(stack) == ["runner", "runner", "saga", "saga"], 30, "four workers work")
        yield stack
    finally:
        for process in more:
            process.terminate()
        for process in more:
            process.wait(30)


def workers(stack: Stack) -> list[str]:
    with redis.Redis(port=embedded.port(stack.data_dir)) as valkey:
        seconds, _ = valkey.time()
        reports = map(read_worker, valkey.hvals(fleet_key("sg")))
        return sorted(one.kind for one in reports if one.fresh(seconds * 1000) and one.kind in ("runner", "saga"))


def test_two_beats_and_four_workers_do_everything_once(doubled: Stack, downstream: Downstream) -> None:
    drain = {"start_per_s": 20, "ramp_s": 1, "max_per_s": None}
    piped = Piped(doubled, downstream, "doubled", drain=drain)
    tried = Guarded(doubled, downstream, "tried", probe={"path": "/tried", "interval_s": 1, "count": 1})
    for guarded in (tried, piped):
        guarded.trip()
    downstream.behave("/tried", status=500, delay_s=TAKES_S)
    downstream.behave("/charge", status=500, delay_s=TAKES_S)
    with ThreadPoolExecutor(8) as pool:
        accepted = [answer.json()["id"] for answer in pool.map(piped.subscribe, range(SUBSCRIPTIONS))]

    piped.eventually(lambda: downstream.count("/tried") >= 3 and piped.charged(), "both were tried", within_s=20)
    os.kill(doubled.pids("beat")[0], signal.SIGKILL)
    before = downstream.count("/tried")
    tried.eventually(lambda: downstream.count("/tried") >= before + 3, "one beat goes on", within_s=20)

    downstream.behave("/tried", delay_s=TAKES_S)
    downstream.behave("/charge", delay_s=TAKES_S)
    broken = len(downstream.requests)
    for guarded in (tried, piped):
        guarded.eventually(lambda guarded=guarded: guarded.breaker()["observed_state"] == "CLOSED", "closes", 20)

    def ended() -> bool:
        return all(piped.status(intent)["status"] == "SUCCEEDED" for intent in accepted)

    piped.eventually(ended, "every intent has ended", within_s=40)
    charges = defaultdict(list)
    for number, request in enumerate(downstream.requests):
        if request.path == "/charge":
            charges[request.headers["idempotency-key"]].append((request.at, number >= broken))
    assert len(charges) == SUBSCRIPTIONS
    assert {key: calls for key, calls in charges.items() if sum(mended for _, mended in calls) > 1} == {}
    calls = [[at for at, _ in calls] for calls in charges.values()]
    calls.append([request.at for request in downstream.requests if request.path == "/tried"])
    assert [at for each in calls for at in itertools.pairwise(each) if at[1] - at[0] < TAKES_S] == []
