"""Retry and Catch inside each other: states in branches, branches in items, and visits that begin anew."""

import pytest

from compositions.asl import Limits
from tests.compositions.asl.world import HANGS, Failure, World, jsonata, machine, one, passing, task

E = {"ErrorEquals": ["E"], "IntervalSeconds": 1, "BackoffRate": 1.0}
ALL = ["States.ALL"]


def parallel(*branches, **fields):
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def mapping(inner, mode="INLINE", **fields):
    config = {"Mode": mode, **({"ExecutionType": "EXPRESS"} if mode == "DISTRIBUTED" else {})}
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **inner}, **fields}


def catching(state, *names, **fields):
    return machine(
        ("S", {**state, "Catch": [{"ErrorEquals": list(names), "Next": "Caught", **fields}], "End": True}),
        ("Caught", passing()),
    )


def retries(world):
    return [seconds for what, seconds in world.sleeps if what == "retry"]


@pytest.mark.parametrize(
    ("inner", "branches", "items", "calls"),
    [(0, 0, 0, 1), (1, 0, 0, 2), (0, 1, 0, 2), (0, 0, 1, 2), (1, 1, 0, 4), (1, 0, 1, 4), (0, 1, 1, 4), (1, 2, 3, 24)],
)
async def test_the_retries_of_a_task_a_parallel_and_a_map_around_each_other_multiply(inner, branches, items, calls):
    called = task("r", Retry=[{**E, "MaxAttempts": inner}])
    together = parallel(one(called), Retry=[{**E, "MaxAttempts": branches}])
    world = World({"r": Failure("E", "so")})
    answer = await world.run(one(mapping(one(together), Retry=[{**E, "MaxAttempts": items}])), [1])
    assert answer == {"status": "FAILED", "error": "E", "cause": "so"}
    assert len({call.place for call in world.calls}) == len(world.calls) == calls
    assert len(retries(world)) == calls - 1


async def test_a_retry_inside_saves_the_work_outside():
    called = task("r", Retry=[{**E, "MaxAttempts": 1}])
    world = World({"r": [Failure("E"), "done"], "q": 1})
    definition = one(mapping(one(parallel(one(called), one(task("q")))), Retry=[{**E, "MaxAttempts": 5}]))
    assert (await world.run(definition, [1]))["output"] == [["done", 1]]
    assert sorted(call.resource for call in world.calls) == ["q", "r", "r"]


async def test_a_catch_inside_leaves_the_others_alone():
    inner = catching(task("r"), "E", ResultPath="$.e")
    world = World({"r": lambda item: Failure("E", "so") if item["n"] == 2 else {"n": item["n"]}})
    answer = await world.run(one(mapping(one(parallel(inner)))), [{"n": 1}, {"n": 2}])
    assert answer["output"] == [[{"n": 1}], [{"n": 2, "e": {"Error": "E", "Cause": "so"}}]]


async def test_a_catch_that_fits_no_error_inside_leaves_it_to_the_one_outside():
    inner = catching(catching(task("r"), "F")["States"]["S"], "G")
    answer = await World({"r": Failure("E", "so")}).run(catching(parallel(inner), "E"))
    assert answer["output"] == {"Error": "E", "Cause": "so"}


async def test_a_failure_in_a_catchers_own_path_is_an_error_of_the_state_outside():
    inner = catching(task("r"), "E", ResultPath="$.a.b")
    answer = await World({"r": Failure("E")}).run(catching(parallel(inner), "States.ResultPathMatchFailure"), {"a": 1})
    assert answer["output"]["Error"] == "States.ResultPathMatchFailure"


async def test_a_caught_error_that_fails_again_is_caught_again_outside():
    fails = machine(("T", task("r", Catch=[{"ErrorEquals": ["E"], "Next": "F"}])), ("F", {"Type": "Fail"}))
    fails["States"]["F"]["Error"] = "Second"
    answer = await World({"r": Failure("E")}).run(catching(parallel(fails), "Second"))
    assert answer["output"] == {"Error": "Second", "Cause": ""}


async def test_retries_are_counted_anew_at_each_visit_of_a_state():
    state = task("r", Retry=[{**E, "MaxAttempts": 1}], Catch=[{"ErrorEquals": ["E"], "Next": "Again"}], End=True)
    again = {"Type": "Choice", "Choices": [{"Variable": "$n", "NumericLessThan": 2, "Next": "Count"}], "Default": "Z"}
    definition = machine(
        ("Begin", passing(Assign={"n": 0})),
        ("T", state),
        ("Again", again),
        ("Count", passing(Assign={"n.$": "States.MathAdd($n, 1)"}, Next="T")),
        ("Z", passing()),
    )
    world = World({"r": Failure("E")})
    assert (await world.run(definition))["status"] == "SUCCEEDED"
    assert len(world.calls) == 6
    assert retries(world) == [1, 1, 1]


async def test_retries_are_counted_anew_for_each_item():
    world = World({"r": Failure("E")})
    called = catching(task("r", Retry=[{**E, "MaxAttempts": 2}]), "E", ResultPath=None)
    assert (await world.run(one(mapping(called, MaxConcurrency=1)), [1, 2, 3]))["output"] == [1, 2, 3]
    assert len(world.calls) == 9


@pytest.mark.parametrize(
    ("limits", "name", "caught"),
    [
        ({"TimeoutSeconds": 2}, "States.Timeout", True),
        ({"TimeoutSeconds": 2}, "States.HeartbeatTimeout", False),
        ({"HeartbeatSeconds": 2}, "States.Timeout", True),
        ({"HeartbeatSeconds": 2}, "States.HeartbeatTimeout", True),
        ({"TimeoutSeconds": 9, "HeartbeatSeconds": 2}, "States.HeartbeatTimeout", True),
        ({"TimeoutSeconds": 2}, "States.BranchFailed", True),
        ({"TimeoutSeconds": 2}, "States.TaskFailed", False),
    ],
)
async def test_what_was_late_inside_a_branch_keeps_its_name_outside(limits, name, caught):
    world = World({"r": HANGS})
    answer = await world.run(catching(parallel(one(task("r", **limits)), one(task("r"))), name))
    assert answer["status"] == ("SUCCEEDED" if caught else "FAILED")
    assert (world.waited, world.in_flight, len(world.cancelled)) == (2, 0, 2)


@pytest.mark.parametrize("names", [ALL, ["States.Runtime"], ["States.TaskFailed"], ["States.BranchFailed"]])
@pytest.mark.parametrize("around", [parallel, mapping])
async def test_a_runtime_error_is_neither_retried_nor_caught_at_any_depth(around, names):
    broken = passing(InputPath="$.nowhere")
    state = around(one(parallel(one(broken))), Retry=[{"ErrorEquals": names}])
    world = World()
    assert (await world.run(catching(state, *names), [1]))["error"] == "States.Runtime"
    assert retries(world) == []


async def test_an_output_of_its_own_that_is_too_large_is_caught_by_name_only():
    big = passing(Parameters={"a.$": "$", "b.$": "$"})
    for names, caught in ((ALL, False), (["States.DataLimitExceeded"], True)):
        answer = await World().run(catching(parallel(one(big)), *names), "x" * 600, Limits(payload=1000))
        assert (answer.get("output", {}).get("Error") == "States.DataLimitExceeded") is caught, answer


async def test_a_result_that_is_too_large_may_be_asked_for_again():
    world = World({"r": ["x" * 2000, "y" * 2000, "small"]})
    state = task("r", Retry=[{**E, "ErrorEquals": ["States.DataLimitExceeded"], "MaxAttempts": 2}])
    assert (await world.run(one(state), limits=Limits(payload=1000)))["output"] == "small"


async def test_a_caught_error_is_assigned_where_it_is_caught_and_nowhere_else():
    fields = {"Assign": {"seen": "{% $states.errorOutput.Error %}"}, "Output": "{% $states.input %}"}
    inner = catching(task("r"), "E", **fields)
    inner["States"]["Caught"]["Output"] = "{% $seen %}"
    outside = ("Out", passing(Output=["{% $states.input %}", "{% $exists($seen) %}"]))
    answer = await World({"r": Failure("E")}).run(jsonata(("P", parallel(inner, inner)), outside), {"a": 1})
    assert answer["output"] == [["E", "E"], False]


async def test_the_variables_of_a_failed_try_are_forgotten():
    inner = machine(("A", passing(Assign={"y.$": "States.MathAdd($y, 1)"})), ("T", task("r", Parameters={"y.$": "$y"})))
    world = World({"r": [Failure("E"), Failure("E"), 1]})
    await world.run(machine(("B", passing(Assign={"y": 0})), ("P", parallel(inner, Retry=[E]))))
    assert [call.parameters for call in world.calls] == [{"y": 1}] * 3


async def test_items_that_may_fail_do_so_after_their_own_retries():
    world = World({"r": lambda item: Failure("E") if item == 2 else item})
    state = mapping(one(task("r", Retry=[{**E, "MaxAttempts": 1}])), "DISTRIBUTED", ToleratedFailureCount=1)
    assert (await world.run(one(state), [1, 2, 3]))["output"] == [1, 3]
    assert len(world.calls) == 4
