"""A run taken up again after its process died: from the start or from the last checkpoint, it ends the same way."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from compositions.asl import Checkpoint, InvalidDefinition, Machine, compile_machine, run
from tests.compositions.asl.journal import Died, Kept, Life
from tests.compositions.asl.machines import runs
from tests.compositions.asl.world import HANGS, World, jsonata, machine, one, passing, task
from tests.searching import examples


async def test_a_run_goes_on_at_a_state_with_what_it_knew_there():
    world = World({"r": 7})
    steps = machine(("A", task("never")), ("B", task("r", ResultPath="$.r", Assign={"seen.$": "$x"})), ("C", passing()))
    checkpoint = Checkpoint("B", {"v": 1}, {"x": 2}, {"A": 1, "B": 3}, 9, 4)
    ended = await world.passing(run(compile_machine(steps), {"begun": True}, world, resume=checkpoint))
    assert ended == {"status": "SUCCEEDED", "output": {"v": 1, "r": 7}}
    assert [call.place.path for call in world.calls] == [(("B", 4),)]
    assert world.checkpoints == [Checkpoint("C", {"v": 1, "r": 7}, {"x": 2, "seen": 2}, {"A": 1, "B": 4}, 14, 5)]


async def test_the_context_object_shows_the_input_that_the_run_began_with():
    shown = jsonata(("A", passing(Output="{% $states.context.Execution %}")))
    world = World()
    ended = await world.passing(
        run(
            compile_machine(shown),
            {"begun": True},
            world,
            execution={"Id": "e", "RedriveCount": 2},
            resume=Checkpoint("A", {}),
        )
    )
    assert ended["output"] == {"Input": {"begun": True}, "Id": "e", "RedriveCount": 2}


async def test_a_checkpoint_is_told_before_each_state_of_the_machine_and_of_no_inner_workflow():
    world = World()
    parallel = {"Type": "Parallel", "Branches": [one(passing()), one(passing())]}
    await world.run(machine(("A", passing(Result=1)), ("P", parallel), ("Z", {"Type": "Succeed"})), {})
    assert [checkpoint.state for checkpoint in world.checkpoints] == ["A", "P", "Z"]
    written = msgspec.json.encode(world.checkpoints[1])
    assert msgspec.json.decode(written, type=Checkpoint) == Checkpoint("P", 1, {}, {"A": 1}, 3, 1)


async def test_a_run_cannot_go_on_at_a_state_that_is_not_there():
    with pytest.raises(ValueError, match="no state 'X'"):
        await run(compile_machine(one(passing())), {}, World(), resume=Checkpoint("X", {}))


@pytest.mark.parametrize("limit", [{"TimeoutSeconds": 5}, {"HeartbeatSeconds": 5}])
async def test_a_call_that_is_given_up_knows_it_before_it_is_cancelled(limit):
    world = World({"r": HANGS})
    await world.run(one(task("r", **limit)))
    assert world.calls[0].timed_out
    assert world.cancelled == ["r"]


async def test_a_call_that_is_cancelled_from_outside_was_not_given_up():
    world = World({"r": HANGS})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run(compile_machine(one(task("r", TimeoutSeconds=5))), {}, world)
    assert not world.calls[0].timed_out
    assert world.cancelled == ["r"]


async def lived(machine: Machine, value: Any, kept: Kept, dies_after: float, from_checkpoint: bool) -> dict[str, Any]:
    """The outcome, over as many lives as it takes."""
    while True:
        before = len(asyncio.all_tasks())
        try:
            return await Life(kept, dies_after).live(machine, value, from_checkpoint=from_checkpoint)
        except Died:
            dies_after = float("inf")
        finally:
            assert len(asyncio.all_tasks()) == before


def told(ended: Mapping[str, Any]) -> str:
    """The outcome without numbers of events: those that no line has told yet depend on what goes on beside them."""
    return re.sub(r"event id #\d+", "event", json.dumps(ended, sort_keys=True))


# What the end of the first branch is numbered depends on whether the second one ran before it.
NUMBERED = one(
    {
        "Type": "Parallel",
        "Branches": [
            machine(("T", task("good")), ("S", {"Type": "Succeed", "InputPath": "$.a.b"})),
            one({"Type": "Succeed"}),
        ],
    }
)
LOOP = machine(("A", task("good", Next="B")), ("B", passing(Next="A")))
AT_ITS_LIMIT = one({"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **LOOP}})


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(runs, st.booleans(), st.floats(0, 1))
@example((NUMBERED, {}), True, 0.0)
@example((AT_ITS_LIMIT, [1, 2, 3]), False, 0.0)
def test_a_run_that_dies_anywhere_ends_as_if_it_had_not_and_no_call_is_made_twice(
    given_run: tuple[Mapping[str, Any], Any], from_checkpoint: bool, phase: float
) -> None:
    definition, value = given_run
    try:
        compiled = compile_machine(definition)
    except InvalidDefinition:
        return
    whole = Kept()
    ended = asyncio.run(lived(compiled, value, whole, float("inf"), False))
    if "maximum number of states" in ended.get("cause", ""):
        return  # which of several branches comes to the limit first is a race in any life
    lines = len(whole.lines)
    step = max(1, lines // 8)
    for point in range(1 + int(phase * step), lines + 1, step):
        kept = Kept()
        assert told(asyncio.run(lived(compiled, value, kept, point, from_checkpoint))) == told(ended)
        assert len(set(kept.answered)) == len(kept.answered)
        assert set(kept.answered) == set(whole.answered)
