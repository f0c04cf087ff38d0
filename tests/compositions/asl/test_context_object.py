"""The context object, field by field, as either query language reads it."""

import pytest

from compositions.asl import compile_machine, run
from tests.compositions.asl.world import Failure, World, jsonata, machine, passing, task

EXECUTION = {
    "Id": "arn:aws:states:us-east-1:000000000000:execution:m:e",
    "Name": "e",
    "StartTime": "2023-11-14T22:13:20.000Z",
    "RoleArn": "arn:aws:iam::000000000000:role/r",
    "RedriveCount": 1,
    "RedriveTime": "2023-11-14T22:14:20.000Z",
}
MACHINE = {"Id": "arn:aws:states:us-east-1:000000000000:stateMachine:m", "Name": "m"}
FIELDS = {
    "Execution.Input": {"a": 1},
    **{f"Execution.{name}": value for name, value in EXECUTION.items()},
    **{f"StateMachine.{name}": value for name, value in MACHINE.items()},
    "State.Name": "Second",
    "State.EnteredTime": "2023-11-14T22:13:27.000Z",
}


async def ran(definition, world=None):
    world = world or World()
    work = run(compile_machine(definition), {"a": 1}, world, execution=EXECUTION, state_machine=MACHINE)
    return (await world.passing(work))["output"]


@pytest.mark.parametrize(("field", "value"), FIELDS.items())
async def test_a_field_says_where_the_run_stands(field, value):
    waits = ("First", {"Type": "Wait", "Seconds": 7})
    assert await ran(machine(waits, ("Second", passing(Parameters={"f.$": f"$$.{field}"})))) == {"f": value}
    expressed = passing(Output="{% $states.context." + field + " %}")
    assert await ran(jsonata(waits, ("Second", expressed))) == value


async def test_a_task_sees_its_token_and_how_often_it_was_retried():
    world = World({"r.waitForTaskToken": [Failure("E"), Failure("E"), 1]})
    sent = {"n.$": "$$.State.RetryCount", "token.$": "$$.Task.Token"}
    state = task("r.waitForTaskToken", Parameters=sent, Retry=[{"ErrorEquals": ["E"]}])
    await ran(machine(("T", state)), world)
    assert [call.parameters["n"] for call in world.calls] == [0, 1, 2]
    assert [call.parameters["token"] for call in world.calls] == [call.token for call in world.calls]


@pytest.mark.parametrize(
    "place",
    [
        passing(InputPath="$$.Execution.Name"),
        passing(OutputPath="$$.Execution.Name"),
        {"Type": "Succeed", "OutputPath": "$$.Execution.Name"},
        task("r", ResultSelector={"n.$": "$$.Execution.Name"}, OutputPath="$.n"),
        passing(Assign={"n.$": "$$.Execution.Name"}, Next="Read"),
    ],
)
async def test_every_field_that_takes_a_path_may_look_at_it(place):
    definition = machine(("S", place))
    definition["States"]["Read"] = passing(InputPath="$n", End=True)
    assert await ran(definition, World({"r": 1})) == "e"
