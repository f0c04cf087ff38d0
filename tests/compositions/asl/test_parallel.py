"""Branches side by side: order, failure, and cancellation that really cancels."""

import asyncio

import pytest

from compositions.asl import compile_machine, run
from tests.compositions.asl.world import HANGS, Failure, Slow, World, failure_of, machine, one, output_of, passing, task


def parallel(*branches, **fields):
    return {"Type": "Parallel", "Branches": list(branches), **fields}


async def test_results_stand_in_the_order_of_the_branches():
    definition = one(parallel(one(task("slow")), one(passing(Result=2)), one(task("fast"))))
    assert await output_of(definition, slow=Slow(9, 1), fast=Slow(1, 3)) == [1, 2, 3]


async def test_branches_run_at_the_same_time():
    world = World({"a": Slow(5, 1), "b": Slow(5, 2), "c": Slow(5, 3)})
    await world.run(one(parallel(*[one(task(name)) for name in "abc"])))
    assert (world.waited, world.most_in_flight) == (5, 3)


async def test_the_first_failure_cancels_the_calls_of_the_others():
    world = World({"bad": Slow(2, Failure("Broken", "it broke")), "a": HANGS, "b": Slow(1, 1)})
    branches = [one(task("a")), one(task("bad")), machine(("B", task("b")), ("W", {"Type": "Wait", "Seconds": 900}))]
    answer = await world.run(one(parallel(*branches)))
    assert answer == {"status": "FAILED", "error": "Broken", "cause": "it broke"}
    assert (world.waited, world.cancelled, world.in_flight) == (2, ["a"], 0)


async def test_nothing_is_left_running_when_a_nested_branch_fails():
    before = len(asyncio.all_tasks())
    inner = one(parallel(one(task("a")), one(task("b"))))
    world = World({"a": HANGS, "b": HANGS, "bad": Slow(1, Failure("E"))})
    await world.run(one(parallel(inner, one(task("bad")))))
    assert sorted(world.cancelled) == ["a", "b"]
    assert len(asyncio.all_tasks()) == before


async def test_a_cancelled_run_cancels_its_calls_before_it_ends():
    world = World({"a": HANGS, "b": HANGS})
    work = asyncio.ensure_future(run(compile_machine(one(parallel(one(task("a")), one(task("b"))))), {}, world))
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.in_flight == 2
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (sorted(world.cancelled), world.in_flight) == (["a", "b"], 0)


async def test_the_failure_of_a_branch_can_be_caught_by_its_name_and_as_a_branch_failure():
    failing = one({"Type": "Fail", "Error": "Mine", "Cause": "c"})
    for name in ("Mine", "States.BranchFailed", "States.ALL", "States.TaskFailed"):
        state = parallel(failing, one(passing()), Catch=[{"ErrorEquals": [name], "Next": "C"}], End=True)
        assert await output_of(machine(("P", state), ("C", passing()))) == {"Error": "Mine", "Cause": "c"}


async def test_a_runtime_error_in_a_branch_ends_the_run():
    broken = one(passing(Parameters={"x.$": "$.nowhere"}))
    state = parallel(broken, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}], End=True)
    error, cause = await failure_of(machine(("P", state), ("C", passing())))
    assert (error, cause.startswith("An error occurred while executing the state 'Only'")) == ("States.Runtime", True)


async def test_a_retried_parallel_runs_every_branch_again():
    world = World({"a": Slow(1, 1), "bad": [Failure("E"), 2]})
    state = parallel(one(task("a")), one(task("bad")), Retry=[{"ErrorEquals": ["E"]}])
    assert (await world.run(one(state)))["output"] == [1, 2]
    assert world.cancelled == ["a"]
    assert len({call.place for call in world.calls}) == len(world.calls) == 4


async def test_parameters_make_the_input_of_every_branch():
    state = parallel(one(passing()), one(passing()), Parameters={"n.$": "$.a"}, ResultSelector={"all.$": "$[*].n"})
    assert await output_of(one(state), {"a": 1}) == {"all": [1, 1]}


async def test_arguments_make_the_input_of_every_branch_in_jsonata():
    state = parallel(one(passing()), Arguments={"n": "{% $states.input.a %}"}, Output="{% $states.result[0].n %}")
    assert await output_of(one(state, QueryLanguage="JSONata"), {"a": 1}) == 1


async def test_a_state_inside_speaks_the_machines_language_and_not_that_of_the_parallel():
    inner = one(passing(Parameters={"x.$": "$.a"}))
    assert await output_of(one({**parallel(inner), "QueryLanguage": "JSONata"}), {"a": 1}) == [{"x": 1}]
