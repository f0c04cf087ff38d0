"""What is tried again, how long it waits, and where an error goes at last."""

import pytest

from tests.compositions.asl.world import (
    HANGS,
    Failure,
    Slow,
    World,
    failure_of,
    jsonata,
    machine,
    one,
    output_of,
    passing,
    task,
)

ALL = ["States.ALL"]


def retries(world):
    return [seconds for what, seconds in world.sleeps if what == "retry"]


async def test_a_task_is_tried_again_after_growing_delays():
    world = World({"r": [Failure("E")] * 3 + ["done"]})
    answer = await world.run(one(task("r", Retry=[{"ErrorEquals": ALL, "IntervalSeconds": 2, "BackoffRate": 3}])))
    assert answer["output"] == "done"
    assert retries(world) == [2, 6, 18]


async def test_delays_are_capped_and_jitter_draws_from_the_whole_of_them():
    world = World({"r": [Failure("E")] * 3 + ["done"]}, draws=[0.5, 0.25, 0.0])
    retrier = {"ErrorEquals": ALL, "IntervalSeconds": 4, "MaxDelaySeconds": 6, "JitterStrategy": "FULL"}
    await world.run(one(task("r", Retry=[retrier])))
    assert retries(world) == [2, 1.5]


async def test_three_more_attempts_are_the_default():
    world = World({"r": Failure("E", "why")})
    assert await world.run(one(task("r", Retry=[{"ErrorEquals": ["E"]}]))) == {
        "status": "FAILED",
        "error": "E",
        "cause": "why",
    }
    assert len(world.calls) == 4


async def test_each_retrier_counts_for_itself_and_the_first_that_fits_decides():
    world = World({"r": [Failure("A"), Failure("B"), Failure("A"), "done"]})
    policy = [{"ErrorEquals": ["A"], "MaxAttempts": 2}, {"ErrorEquals": ALL, "MaxAttempts": 1}]
    assert (await world.run(one(task("r", Retry=policy))))["output"] == "done"
    world = World({"r": Failure("A")})
    never = [{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ALL, "MaxAttempts": 9}]
    await world.run(one(task("r", Retry=never)))
    assert len(world.calls) == 1


async def test_the_number_of_retries_is_in_the_context_object():
    world = World({"r": [Failure("E"), "done"]})
    await world.run(one(task("r", Parameters={"n.$": "$$.State.RetryCount"}, Retry=[{"ErrorEquals": ALL}])))
    assert [call.parameters["n"] for call in world.calls] == [0, 1]


def catching(names, **fields):
    return machine(("T", task("r", Catch=[{"ErrorEquals": names, "Next": "C", **fields}], End=True)), ("C", passing()))


async def test_a_caught_error_is_put_where_result_path_says():
    told = {"Error": "E", "Cause": "why"}
    assert await output_of(catching(ALL), {"a": 1}, r=Failure("E", "why")) == told
    assert await output_of(catching(["E"], ResultPath="$.e"), {"a": 1}, r=Failure("E", "why")) == {"a": 1, "e": told}
    assert await output_of(catching(["E"], ResultPath=None), {"a": 1}, r=Failure("E", "why")) == {"a": 1}


@pytest.mark.parametrize(
    ("names", "error", "taken"),
    [
        (["States.TaskFailed"], "My.Error", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.Timeout"], "States.Timeout", True),
        (ALL, "States.Timeout", True),
        (ALL, "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["Other"], "My.Error", False),
    ],
)
async def test_error_names_match_as_the_language_says(names, error, taken):
    answer = await World({"r": Failure(error)}).run(catching(names))
    assert (answer["status"] == "SUCCEEDED") is taken


async def test_retry_comes_before_catch():
    world = World({"r": Failure("E")})
    state = task(
        "r", Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}], Catch=[{"ErrorEquals": ALL, "Next": "C"}], End=True
    )
    assert (await world.run(machine(("T", state), ("C", passing()))))["output"]["Error"] == "E"
    assert len(world.calls) == 2


async def test_a_catch_assigns_in_both_languages():
    path = catching(ALL, Assign={"what.$": "$.Error"}, ResultPath=None)
    path["States"]["C"]["Parameters"] = {"what.$": "$what", "in.$": "$.a"}
    assert await output_of(path, {"a": 1}, r=Failure("E")) == {"what": "E", "in": 1}
    fields = {"Assign": {"what": "{% $states.errorOutput.Error %}"}, "Output": "{% $states.input.a %}"}
    query = {**catching(ALL, **fields), "QueryLanguage": "JSONata"}
    query["States"]["C"]["Output"] = ["{% $what %}", "{% $states.input %}"]
    assert await output_of(query, {"a": 1}, r=Failure("E")) == ["E", 1]


async def test_an_error_in_a_jsonata_field_can_be_caught_and_one_in_the_catch_itself_can_not():
    state = task(
        "r", Output="{% $nowhere %}", Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "C"}], End=True
    )
    assert (await output_of(jsonata(("T", state), ("C", passing())), r=1))["Error"] == "States.QueryEvaluationError"
    state["Catch"] = [{"ErrorEquals": ALL, "Output": "{% $nowhere %}", "Next": "C"}]
    error, cause = await failure_of(jsonata(("T", state), ("C", passing())), r=Failure("E"))
    assert (error, "'Catch[0]/Output' returned nothing (undefined)." in cause) == ("States.QueryEvaluationError", True)


async def test_nested_policies_work_from_the_inside_out():
    inner = task("r", Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1, "IntervalSeconds": 1}])
    outer = {
        "Type": "Parallel",
        "Branches": [one(inner)],
        "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 2, "IntervalSeconds": 10}],
        "Catch": [{"ErrorEquals": ["E"], "Next": "C"}],
        "End": True,
    }
    world = World({"r": Failure("E", "x")})
    assert (await world.run(machine(("P", outer), ("C", passing()))))["output"] == {"Error": "E", "Cause": "x"}
    assert len(world.calls) == 6
    assert retries(world) == [1, 10, 1, 20, 1]


async def test_a_late_task_is_cancelled_and_times_out():
    world = World({"r": HANGS})
    assert await world.run(one(task("r", TimeoutSeconds=30))) == {"status": "FAILED", "error": "States.Timeout"}
    assert (world.waited, world.cancelled, world.in_flight) == (30, ["r"], 0)


async def test_a_task_in_time_is_not_disturbed():
    world = World({"r": Slow(29, "done")})
    assert (await world.run(one(task("r", TimeoutSecondsPath="$.t")), {"t": 30}))["output"] == "done"
    assert (world.waited, world.cancelled) == (29, [])


async def test_heartbeats_keep_a_slow_task_alive_and_silence_ends_it():
    world = World({"r": Slow(100, "done", beat_every=8)})
    assert (await world.run(one(task("r", HeartbeatSeconds=10))))["output"] == "done"
    world = World({"r": HANGS})
    caught = task("r", HeartbeatSeconds=10, Catch=[{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "C"}], End=True)
    answer = await world.run(machine(("T", caught), ("C", passing())))
    assert answer["output"] == {"Error": "States.Timeout", "Cause": ""}
    assert (world.waited, world.in_flight) == (10, 0)


async def test_a_time_limit_that_is_no_time_is_refused():
    error, cause = await failure_of(one(task("r", TimeoutSecondsPath="$.t")), {"t": "soon"}, r=1)
    assert (error, "TimeoutSecondsPath" in cause) == ("States.Runtime", True)


async def test_the_machines_own_limit_ends_the_run_and_nobody_catches_it():
    definition = machine(
        ("T", task("r", Catch=[{"ErrorEquals": ALL, "Next": "C"}])), ("C", passing()), TimeoutSeconds=60
    )
    world = World({"r": HANGS})
    assert await world.run(definition) == {"status": "TIMED_OUT", "error": "States.Timeout"}
    assert (world.waited, world.in_flight) == (60, 0)
    world = World({"r": Slow(59, 1)})
    assert (await world.run(definition))["status"] == "SUCCEEDED"


async def test_an_exception_that_names_no_error_is_a_fault_and_not_a_failure():
    with pytest.raises(ZeroDivisionError):
        await World({"r": lambda parameters: 1 / 0}).run(catching(ALL))
