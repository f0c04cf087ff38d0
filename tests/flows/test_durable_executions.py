"""A worker that carries executions is killed in their midst: others go on, and no step that has ended is made again."""

import os
import signal
from collections import Counter
from typing import Any

from tests.servers.downstream import Downstream
from tests.servers.processes import wait_until
from tests.servers.stack import Stack

HTTP = "arn:aws:states:::http:invoke"


def step(path: str, following: str | None) -> dict[str, Any]:
    parameters = {"ApiEndpoint": f"target://saga-shop{path}", "Method": "POST", "RequestBody": {}}
    way = {"Next": following} if following else {"End": True}
    return {"Type": "Task", "Resource": HTTP, "Parameters": parameters, "ResultPath": None, **way}


def test_a_killed_worker_costs_no_step_that_has_ended(stack: Stack, downstream: Downstream) -> None:
    assert stack.api("PUT", "targets/saga-shop", {"base_url": downstream.url, "timeout_ms": 20_000}).status in (
        200,
        201,
    )
    states = {"Check": step("/check", "Pay"), "Pay": step("/pay", "Ship"), "Ship": step("/ship", None)}
    document = {"type": "STANDARD", "definition": {"StartAt": "Check", "States": states}}
    assert stack.api("PUT", "compositions/killed", document).status in (200, 201)
    downstream.behave("/pay", delay_s=12)

    started = [stack.api("POST", "compositions/killed/runs", {"input": {}}) for _ in range(6)]
    assert {answer.status for answer in started} == {202}
    ids = [answer.json()["execution"] for answer in started]
    wait_until(
        lambda: sum(one.path == "/pay" for one in list(downstream.requests)) == 6, 12, "all are at the same step"
    )
    [worker] = stack.pids("sagas")
    os.kill(worker, signal.SIGKILL)
    downstream.behave("/pay", delay_s=0.1)

    def statuses() -> set[str]:
        return {stack.api("GET", f"executions/{id}").json()["status"] for id in ids}

    wait_until(lambda: statuses() == {"SUCCEEDED"}, 90, f"all end well; they are {statuses()}")
    calls = Counter((one.path, one.headers["idempotency-key"]) for one in downstream.requests)
    assert len(calls) == 18
    for path in ("/check", "/ship"):
        assert {times for (called, _), times in calls.items() if called == path} == {1}
    assert max(calls.values()) == 2
    told = stack.api("GET", f"executions/{ids[0]}/history").json()
    assert told[0]["type"] == "ExecutionStarted"
    assert told[-1]["type"] == "ExecutionSucceeded"
    wait_until(lambda: stack.pids("sagas") not in ([], [worker]), 30, "the worker runs again")
