"""Compositions in compositions."""

import json

import pytest

from tests.compositions.flows import call, sequence

START_SYNC = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"
SYNC = "arn:aws:states:::states:startExecution.sync"
START = "arn:aws:states:::states:startExecution"


def nested(resource: str, arn: str = "inner", **arguments) -> dict:
    parameters = {"StateMachineArn": arn, "Input": {"n": 1}, "Name": "one", **arguments}
    return {"Type": "Task", "Resource": resource, "Parameters": parameters}


@pytest.fixture
async def inner(world):
    await world.composition("inner", sequence({"Type": "Pass", "Parameters": {"got.$": "$.n"}}))
    await world.composition("failing", sequence({"Type": "Fail", "Error": "Custom", "Cause": "why"}))
    await world.composition("durable", sequence({"Type": "Pass"}), type="STANDARD")
    return world


async def test_sync_2_gives_the_described_execution_with_its_output_read(inner):
    output = (await inner.once(nested(f"{SYNC}:2"))).output
    assert (output["Status"], output["Output"], output["Input"], output["Name"]) == (
        "SUCCEEDED", {"got": 1}, {"n": 1}, "one",
    )  # fmt: skip
    assert output["StateMachineArn"].endswith(":stateMachine:inner")
    assert output["ExecutionArn"].endswith(":express:inner:one")
    assert output["StartDate"] <= output["StopDate"]


async def test_sync_gives_texts(inner):
    output = (await inner.once(nested(SYNC))).output
    assert (output["Output"], output["Input"]) == ('{"got":1}', '{"n":1}')


@pytest.mark.parametrize("given", [{"n": 1}, '{"n": 1}'])
async def test_start_sync_execution_gives_what_the_api_gives(inner, given):
    output = (await inner.once(nested(START_SYNC, Input=given))).output
    assert (output["Status"], output["Output"], output["Input"]) == ("SUCCEEDED", '{"got":1}', '{"n":1}')
    assert output["BillingDetails"]["BilledDurationInMilliseconds"] >= 100


async def test_a_failure_is_the_tasks_by_sync_and_a_status_by_start_sync_execution(inner):
    run = await inner.once(nested(f"{SYNC}:2", "failing"))
    cause = json.loads(run.cause)
    assert (run.error, cause["Error"], cause["Cause"], cause["Status"]) == (
        "States.TaskFailed", "Custom", "why", "FAILED",
    )  # fmt: skip
    run = await inner.once(nested(START_SYNC, "failing"))
    assert (run.output["Status"], run.output["Error"], run.output["Cause"]) == ("FAILED", "Custom", "why")
    assert not run.complete, "its parent went on without it"


@pytest.mark.parametrize(
    "arn",
    ["inner", "arn:aws:states:eu-west-1:123456789012:stateMachine:inner", "arn:aws:states:::stateMachine:inner:7"],
)
async def test_a_composition_is_named_by_its_slug_or_an_arn(inner, arn):
    assert (await inner.once(nested(START_SYNC, arn))).output["Status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (nested(START_SYNC, "nobody"), "Sfn.StateMachineDoesNotExistException"),
        (nested(f"{SYNC}:2", "nobody"), "StepFunctions.StateMachineDoesNotExistException"),
        (nested(START_SYNC, Input="{"), "Sfn.InvalidExecutionInput"),
        (nested(START_SYNC, ""), "States.Runtime"),
        (nested(START_SYNC, "durable"), "Sfn.StateMachineTypeNotSupportedException"),
        (nested(f"{SYNC}:2", "durable"), "Resource.NeedsStandard"),
        (nested(START), "Resource.NeedsStandard"),
        (nested(f"{START}.waitForTaskToken"), "Resource.NeedsStandard"),
    ],
)
async def test_what_cannot_be_started_says_so(inner, state, error):
    run = await inner.once(state)
    assert (run.status, run.error) == ("FAILED", error)
    assert run.cause.endswith(".")


async def test_a_composition_that_runs_itself_ends(world):
    await world.composition("once", sequence(nested(f"{SYNC}:2", "once")))
    run = await world.run("once")
    assert run.status == "FAILED"
    assert "deeper than 8" in run.cause


async def test_a_nested_run_spends_its_callers_deadline_and_keeps_its_promises(world):
    world.downstream.behave("/hang", hang=True)
    await world.target("t", timeout_ms=5000)
    await world.composition("inner", sequence(call("t", "/hang")))
    await world.composition("outer", sequence(nested(START_SYNC)), deadline_ms=150)
    run = await world.run("outer")
    assert run.ms < 2000
    assert run.output["Status"] == "FAILED"
    assert run.output["Error"] == "States.Timeout"
    assert world.left()["calls"] == 0


async def test_a_nested_call_is_met_by_the_outer_run(world):
    await world.target("t", fallback={"static": {"body": 1}})
    await world.stop("t")
    await world.composition("inner", sequence(call("t")))
    run = await world.once(nested(f"{SYNC}:2"))
    assert [met.source for met in run.met] == ["static"]
    assert run.met[0].place == (("One", 1), ("nested", 0), ("One", 1))
    assert not run.complete
