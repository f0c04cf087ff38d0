"""What a run tells its record, and how an earlier life of the run is taken up."""

from tests.compositions.asl.world import HANGS, Failure, Slow, World, machine, one, passing, task


def kinds(world):
    return [place.what for place, _ in world.history]


async def test_every_state_is_told_with_its_input_and_output():
    world = World()
    await world.run(machine(("A", passing(Result=1)), ("B", passing())), {"x": 1})
    assert [(place.what, place.path, told) for place, told in world.history] == [
        ("entered", (("A", 1),), {"input": {"x": 1}, "event": 2}),
        ("exited", (("A", 1),), {"output": 1, "next": "B"}),
        ("entered", (("B", 1),), {"input": 1, "event": 4}),
        ("exited", (("B", 1),), {"output": 1, "next": None}),
    ]


async def test_retries_and_catches_are_told():
    world = World({"r": Failure("E", "c")})
    state = task(
        "r", Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}], Catch=[{"ErrorEquals": ["E"], "Next": "C"}], End=True
    )
    await world.run(machine(("T", state), ("C", passing())))
    assert kinds(world) == ["entered", "retrying", "caught", "exited", "entered", "exited"]
    assert world.history[1][1] == {"error": "E", "cause": "c", "delay_s": 1}


async def test_a_place_is_named_by_state_visit_branch_item_and_attempt():
    loop = {"Type": "Choice", "Choices": [{"Variable": "$.again", "IsPresent": True, "Next": "L"}], "Default": "M"}
    mapped = {"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": one(task("r"))}
    branch = machine(("M", mapped))
    definition = machine(
        ("L", passing(Result={"l": [1, 2]})), ("C", loop), ("M", {"Type": "Parallel", "Branches": [branch]})
    )
    world = World({"r": 0})
    await world.run(definition, {"l": []})
    assert sorted(call.place.path for call in world.calls) == [
        (("M", 1), ("branch", 0), ("M", 1), ("item", i), ("Only", 1)) for i in (0, 1)
    ]


async def test_each_round_of_a_loop_is_a_visit_of_its_own():
    again = {"Type": "Choice", "Choices": [{"Variable": "$", "NumericLessThan": 3, "Next": "T"}], "Default": "E"}
    world = World({"r": [1, 2, 3]})
    await world.run(machine(("T", task("r")), ("C", again), ("E", {"Type": "Succeed"})))
    assert [call.place.path for call in world.calls] == [(("T", 1),), (("T", 2),), (("T", 3),)]


async def test_a_verdict_of_an_earlier_life_is_taken_and_nothing_is_called_again():
    definition = one({"Type": "Parallel", "Branches": [one(task("a")), one(task("bad"))]})
    first = World({"a": HANGS, "bad": Slow(1, Failure("E", "c"))})
    ended = await first.run(definition)
    second = World({})
    second.earlier = {place: told for place, told in first.history if place.what == "branches"}
    assert await second.run(definition) == ended
    assert second.calls == []


async def test_a_timeout_of_an_earlier_life_is_a_timeout_again():
    definition = one(task("a", TimeoutSeconds=5))
    first = World({"a": HANGS})
    ended = await first.run(definition)
    second = World({})
    second.earlier = {place: told for place, told in first.history if place.what == "late"}
    assert await second.run(definition) == ended
    assert second.calls == []
