"""Waits are deadlines on rows: a far one holds no worker, and what happens outside wakes an execution up."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from compositions.models import Execution, TaskToken
from compositions.models.executions import TaskStatus
from compositions.operations import executions, tasks
from controlplane.kernel import clock

from .conftest import SYSTEM, Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

QUEUE = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
START = "arn:aws:states:::states:startExecution"


def wait(seconds: int, **rest: Any) -> dict[str, Any]:
    return {"Type": "Wait", "Seconds": seconds, **({} if "Next" in rest else {"End": True}), **rest}


def ask(**rest: Any) -> dict[str, Any]:
    body = {"title": "Call the customer", "form": {"type": "object", "required": ["ok"]}, "due_s": 3600, "who": "Ann"}
    message = {"QueueUrl": "manual", "MessageBody": body}
    return {"Type": "Task", "Resource": QUEUE, "Parameters": message, "End": True, **rest}


def by_and_by(row: Execution) -> None:
    """Its time has come."""
    Execution.objects.filter(pk=row.pk).update(wake_at=clock.now())


async def test_a_long_wait_is_kept_as_a_time_and_held_by_no_worker(sagas: Sagas) -> None:
    await sagas.define(
        machine(Pay=call("shop", "/pay", Next="Wait"), Wait=wait(86_400, Next="Ship"), Ship=call("shop", "/ship"))
    )
    engine = await sagas.engine()
    id = sagas.start()
    row = await sagas.put_away(id)
    assert timedelta(hours=23) < row.wake_at - clock.now() < timedelta(hours=25)
    await sagas.until(lambda: not engine.lives)
    assert sagas.paths() == ["/pay"]


async def test_it_goes_on_in_another_worker_when_its_time_has_come(sagas: Sagas) -> None:
    await sagas.define(
        machine(Pay=call("shop", "/pay", Next="Wait"), Wait=wait(3, Next="Ship"), Ship=call("shop", "/ship"))
    )
    first = await sagas.engine()
    id = sagas.start()
    row = await sagas.put_away(id)
    await first.close()
    assert clock.now() < row.wake_at
    await sagas.engine()
    ended = await sagas.ended(id)
    assert ended.ended_at >= row.wake_at
    assert sagas.paths() == ["/pay", "/ship"]


async def test_a_long_delay_of_a_retry_holds_no_worker_and_keeps_the_key(sagas: Sagas) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 2}]
    await sagas.define(machine(Pay=call("shop", "/pay", Retry=retry)))
    sagas.downstream.behave("/pay", status=500, times=1)
    engine = await sagas.engine()
    id = sagas.start()
    row = await sagas.put_away(id)
    assert timedelta(seconds=590) < row.wake_at - clock.now() <= timedelta(seconds=600)
    await sagas.until(lambda: not engine.lives)
    assert len(sagas.paths()) == 1


async def test_a_person_gives_the_result_and_the_execution_goes_on_at_once(sagas: Sagas) -> None:
    await sagas.define(machine(Ask=ask()))
    await sagas.engine()
    id = sagas.start()
    row = await sagas.put_away(id)
    assert row.wake_at is None
    task = TaskToken.objects.get(execution=id)
    assert (task.title, task.manual, json.loads(task.details)) == ("Call the customer", True, {"who": "Ann"})
    assert task.due_at is not None
    tasks.complete_task(task.pk, {"ok": True}, by=SYSTEM)
    ended = await sagas.ended(id)
    assert (ended.status, json.loads(ended.output)) == ("SUCCEEDED", {"ok": True})
    assert ended.ended_at - TaskToken.objects.get().ended_at < timedelta(seconds=3)


async def test_a_result_that_comes_while_it_is_being_put_away_is_not_missed(sagas: Sagas) -> None:
    await sagas.define(machine(Ask=ask()))
    await sagas.engine()
    for _ in range(5):
        id = sagas.start()
        token = (await sagas.until(lambda id=id: TaskToken.objects.filter(execution=id).first())).pk
        await asyncio.sleep(0.03 * _)
        tasks.complete_task(token, {"ok": True}, by=SYSTEM)
        assert (await sagas.ended(id)).status == "SUCCEEDED"


async def test_a_task_that_a_person_fails_is_caught_by_its_name(sagas: Sagas) -> None:
    caught = [{"ErrorEquals": ["Declined"], "Next": "Tell"}]
    await sagas.define(machine(Ask=ask(Catch=caught), Tell=call("shop", "/tell")))
    await sagas.engine()
    id = sagas.start()
    token = (await sagas.until(lambda: TaskToken.objects.filter(execution=id).first())).pk
    tasks.fail_task(token, "Declined", "no money", by=SYSTEM)
    assert (await sagas.ended(id)).status == "PARTIAL"
    assert sagas.paths() == ["/tell"]


async def test_a_task_nobody_does_times_out_and_leaves_the_inbox(sagas: Sagas) -> None:
    await sagas.define(machine(Ask=ask(TimeoutSeconds=1)))
    await sagas.engine()
    ended = await sagas.ended(sagas.start())
    assert (ended.status, ended.error) == ("FAILED", "States.Timeout")
    assert TaskToken.objects.get().status == TaskStatus.TIMED_OUT


async def test_a_heartbeat_keeps_a_task_alive_and_its_silence_ends_it(sagas: Sagas) -> None:
    await sagas.define(machine(Ask=ask(HeartbeatSeconds=1)))
    await sagas.engine()
    id = sagas.start()
    token = (await sagas.until(lambda: TaskToken.objects.filter(execution=id).first())).pk
    for _ in range(6):
        await asyncio.sleep(0.3)
        tasks.heartbeat(token)
    assert Execution.objects.get(pk=id).status == "RUNNING"
    assert (await sagas.ended(id)).error == "States.Timeout"


async def test_a_system_is_called_with_the_token_and_brings_it_back(sagas: Sagas) -> None:
    shipped = call("shop", "/ship", Resource="arn:aws:states:::http:invoke.waitForTaskToken")
    del shipped["ResultPath"]
    shipped["Parameters"]["RequestBody"] = {"token.$": "$$.Task.Token"}
    await sagas.define(machine(Ship=shipped))
    await sagas.engine()
    id = sagas.start()
    [asked] = await sagas.until(lambda: sagas.calls("/ship"))
    await sagas.put_away(id)
    tasks.complete_task(asked.json()["token"], {"parcel": 7}, by=SYSTEM)
    assert json.loads((await sagas.ended(id)).output) == {"parcel": 7}
    assert len(sagas.calls("/ship")) == 1


@pytest.mark.parametrize("how", [".sync", ".sync:2"])
async def test_a_child_lives_on_its_own_and_its_parent_waits_without_a_worker(sagas: Sagas, how: str) -> None:
    await sagas.define(machine(Wait=wait(3, Next="Ship"), Ship=call("shop", "/ship")), slug="child")
    run = {"Type": "Task", "Resource": START + how, "Parameters": {"StateMachineArn": "child", "Input": {"n": 1}}}
    await sagas.define(machine(Run={**run, "Next": "Tell"}, Tell=call("shop", "/tell")))
    await sagas.engine()
    id = sagas.start()
    row = await sagas.put_away(id)
    child = Execution.objects.get(parent=id)
    assert (row.wake_at, child.parent_waits) == (None, True)
    by_and_by(child)
    ended = await sagas.ended(id)
    assert ended.status == "SUCCEEDED"
    output = json.loads(ended.output)["Output"]
    assert (json.loads(output) if how == ".sync" else output) == {"n": 1}
    assert sagas.paths() == ["/ship", "/tell"]


async def test_a_child_that_nobody_waits_for_is_started_once_and_left_alone(sagas: Sagas) -> None:
    await sagas.define(machine(Ship=call("shop", "/ship")), slug="child")
    run = {"Type": "Task", "Resource": START, "Parameters": {"StateMachineArn": "child"}, "End": True}
    await sagas.define(machine(Run=run))
    await sagas.engine()
    ended = await sagas.ended(sagas.start())
    assert json.loads(ended.output)["ExecutionArn"].startswith("arn:aws:states:")
    await sagas.until(lambda: sagas.calls("/ship"))


async def test_an_operator_stops_what_waits_and_what_is_under_way(sagas: Sagas) -> None:
    await sagas.define(machine(Wait=wait(600, Next="Ship"), Ship=call("shop", "/ship")))
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ship"), Ship=call("shop", "/ship")), slug="paying")
    sagas.downstream.behave("/pay", delay_s=0.5)
    engine = await sagas.engine()
    waiting, calling = sagas.start(), sagas.start(slug="paying")
    await sagas.put_away(waiting)
    await sagas.until(lambda: sagas.calls("/pay"))
    for id in (waiting, calling):
        executions.stop(id, by=SYSTEM, reason="no more")
    await sagas.until(lambda: not engine.lives)
    await sagas.until(lambda: [one for one in sagas.told(calling) if one[0] == "late result"])
    assert sagas.paths() == ["/pay"]
    assert set(Execution.objects.values_list("status", flat=True)) == {"ABORTED"}


async def test_a_step_that_timed_out_is_not_cut_off_and_its_result_is_kept(sagas: Sagas) -> None:
    late = [{"ErrorEquals": ["States.Timeout"], "Next": "Tell"}]
    await sagas.define(machine(Pay=call("shop", "/pay", TimeoutSeconds=1, Catch=late), Tell=call("shop", "/tell")))
    await sagas.target(timeout_ms=5000)
    sagas.downstream.behave("/pay", delay_s=1.5)
    await sagas.engine()
    id = sagas.start()
    assert (await sagas.ended(id)).status == "PARTIAL"
    [kept] = await sagas.until(lambda: [one for one in sagas.told(id) if one[0] == "late result"])
    assert kept[4]["output"]["StatusCode"] == 200


async def test_it_goes_on_without_valkey(sagas: Sagas, valkey_server: Any) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ask"), Ask=ask()))
    await sagas.engine()
    valkey_server.stop()
    try:
        id = sagas.start()
        await sagas.put_away(id)
        tasks.complete_task(TaskToken.objects.get().pk, {"ok": True}, by=SYSTEM)
        assert (await sagas.ended(id)).status == "SUCCEEDED"
    finally:
        valkey_server.start()
