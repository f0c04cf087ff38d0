"""What one run may take of its host."""

import pytest

from compositions.asl import InvalidDefinition, Limits, compile_machine
from tests.compositions.asl.world import World, failure_of, machine, one, passing, task

LARGE = "x" * (256 * 1024)


async def test_an_output_over_the_limit_ends_the_run():
    error, cause = await failure_of(one(passing(Result=LARGE)))
    assert error == "States.DataLimitExceeded"
    assert (
        cause
        == "The state/task 'Only' returned a result with a size exceeding the maximum number of bytes service limit."
    )


async def test_the_result_of_a_task_over_the_limit_can_be_caught():
    state = task("arn:aws:states:::lambda:invoke", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}], End=True)
    world = World({"arn:aws:states:::lambda:invoke": LARGE})
    answer = await world.run(machine(("T", state), ("C", passing())))
    assert answer["output"]["Error"] == "States.DataLimitExceeded"
    assert "The state/task 'lambda' returned" in answer["output"]["Cause"]


async def test_size_is_counted_in_bytes_of_utf_8():
    assert (await World().run(one(passing()), "ä" * 100, limits=Limits(payload=202)))["status"] == "SUCCEEDED"
    assert (await World().run(one(passing()), "ä" * 100, limits=Limits(payload=201)))[
        "error"
    ] == "States.DataLimitExceeded"


async def test_a_loop_without_end_ends_at_the_limit_of_states():
    definition = machine(("A", passing(Next="B")), ("B", passing(Next="A")))
    answer = await World().run(definition, limits=Limits(states=1000))
    assert (answer["error"], "maximum number of states (1000)" in answer["cause"]) == ("States.Runtime", True)


async def test_the_states_of_all_branches_count_together():
    loop = machine(("A", passing(Next="B")), ("B", passing(Next="A")))
    answer = await World().run(one({"Type": "Parallel", "Branches": [loop, loop]}), limits=Limits(states=500))
    assert answer["error"] == "States.Runtime"


async def test_no_map_tolerates_that_the_run_is_at_its_limit():
    loop = machine(("A", passing(Next="B")), ("B", passing(Next="A")))
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, **loop}
    mapping = {"Type": "Map", "ItemProcessor": processor, "ToleratedFailurePercentage": 100}
    answer = await World().run(one(mapping), [1, 2], limits=Limits(states=500))
    assert (answer["error"], "maximum number of states (500)" in answer["cause"]) == ("States.Runtime", True)


def test_workflows_nest_only_so_deep():
    definition = one(passing())
    for _ in range(4):
        definition = one({"Type": "Parallel", "Branches": [definition]})
    compile_machine(definition, nesting=4)
    with pytest.raises(InvalidDefinition, match="nested deeper than 3"):
        compile_machine(definition, nesting=3)
