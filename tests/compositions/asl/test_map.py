"""The same workflow for every item: inputs, concurrency, tolerance, batches, readers."""

import pytest

from compositions.asl import Limits
from tests.compositions.asl.world import (
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

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}


def mapping(state, mode=None, **fields):
    return {"Type": "Map", "ItemProcessor": {**(mode or {}), **one(state)}, **fields}


async def test_results_stand_in_the_order_of_the_items():
    world = World({"r": lambda item: Slow(10 - item, item * 2)})
    assert (await world.run(one(mapping(task("r"))), [1, 2, 3]))["output"] == [2, 4, 6]
    assert world.most_in_flight == 3


@pytest.mark.parametrize(
    ("fields", "most"),
    [({"MaxConcurrency": 2}, 2), ({"MaxConcurrencyPath": "$.c"}, 3), ({"MaxConcurrency": 0}, 40), ({}, 40)],
)
async def test_only_so_many_items_run_at_a_time(fields, most):
    world = World({"r": Slow(1, 0)})
    await world.run(one(mapping(task("r"), ItemsPath="$.items", **fields)), {"items": [0] * 50, "c": 3})
    assert world.most_in_flight == most


async def test_an_item_selector_sees_the_item_and_the_maps_input():
    selector = {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "from.$": "$.who"}
    for fields in ({"ItemSelector": selector}, {"Parameters": selector}):
        found = await output_of(one(mapping(passing(), ItemsPath="$.l", **fields)), {"l": ["a", "b"], "who": 1})
        assert found == [{"v": "a", "i": 0, "from": 1}, {"v": "b", "i": 1, "from": 1}]


async def test_the_old_name_of_the_processor_still_works():
    assert await output_of(one({"Type": "Map", "Iterator": one(passing())}), [1]) == [1]


async def test_a_jsonata_map_takes_items_and_numbers_from_expressions():
    state = mapping(
        passing(Output="{% $states.input.v * 10 %}"),
        Items="{% $states.input.l[$ > 1] %}",
        MaxConcurrency="{% 1 + 1 %}",
        ItemSelector={"v": "{% $states.context.Map.Item.Value %}"},
    )
    assert await output_of(jsonata(("M", state)), {"l": [1, 2, 3]}) == [20, 30]


@pytest.mark.parametrize(
    ("fields", "value", "error", "words"),
    [
        ({}, {"a": 1}, "States.Runtime", 'Reference path "$" must point to array.'),
        ({"ItemsPath": "$.no"}, {"a": 1}, "States.ReferencePathConflict", 'Unable to apply step "no" to input {"a":1}'),
        (
            {"ItemsPath": "$.l", "MaxConcurrencyPath": "$.c"},
            {"l": [], "c": "x"},
            "States.Runtime",
            'The MaxConcurrencyPath field refers to value "x" which is not a valid integer: $.c',
        ),
        (
            {"ItemsPath": "$.l", "ToleratedFailurePercentage": 101},
            {"l": []},
            "States.Runtime",
            "ToleratedFailurePercentage must be between 0 and 100.",
        ),
    ],
)
async def test_a_map_that_makes_no_sense_says_why(fields, value, error, words):
    assert (await failure_of(one(mapping(passing(), **fields)), value)) == (
        error,
        f"An error occurred while executing the state 'Only' (entered at the event id #2). {words}",
    )


async def test_the_first_failure_of_an_inline_map_cancels_the_other_items():
    world = World({"r": lambda item: Slow(1, Failure("Bad", "item")) if item == 1 else Slow(50, item)})
    answer = await world.run(one(mapping(task("r"))), [0, 1, 2])
    assert answer == {"status": "FAILED", "error": "Bad", "cause": "item"}
    assert (world.waited, world.cancelled, world.in_flight) == (1, ["r", "r"], 0)


@pytest.mark.parametrize(
    ("fields", "failing", "succeeds"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({"ToleratedFailureCount": 2}, 2, True),
        ({"ToleratedFailureCount": 2}, 3, False),
        ({"ToleratedFailurePercentage": 20}, 2, True),
        ({"ToleratedFailurePercentage": 20}, 3, False),
        ({"ToleratedFailureCount": 9, "ToleratedFailurePercentage": 20}, 3, False),
        ({"ToleratedFailureCountPath": "$.n"}, 1, True),
    ],
)
async def test_a_distributed_map_tolerates_as_many_failures_as_it_says(fields, failing, succeeds):
    state = mapping(task("r"), DISTRIBUTED, ItemsPath="$.l", **fields)
    world = World({"r": lambda item: Failure("E") if item < failing else item})
    answer = await world.run(one(state), {"l": list(range(10)), "n": "1"})
    if succeeds:
        assert answer["output"] == list(range(failing, 10))
    else:
        assert answer["error"] == "States.ExceedToleratedFailureThreshold"
    assert world.in_flight == 0


async def test_outer_variables_reach_the_items_of_an_inline_map_only():
    state = mapping(passing(Parameters={"x.$": "$x"}), ItemsPath="$.l")
    assert await output_of(machine(("A", passing(Assign={"x": 1})), ("M", state)), {"l": [0]}) == [{"x": 1}]
    state["ItemProcessor"].update(DISTRIBUTED)
    error, _ = await failure_of(machine(("A", passing(Assign={"x": 1})), ("M", state)), {"l": [0]})
    assert error == "States.ExceedToleratedFailureThreshold"


async def test_items_are_put_into_batches_with_what_they_share():
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"who.$": "$.w"}}
    state = mapping(passing(), DISTRIBUTED, ItemsPath="$.l", ItemBatcher=batcher)
    found = await output_of(one(state), {"l": [1, 2, 3], "w": "me"})
    assert found == [{"BatchInput": {"who": "me"}, "Items": [1, 2]}, {"BatchInput": {"who": "me"}, "Items": [3]}]


async def test_a_batch_holds_no_more_bytes_than_it_may():
    state = mapping(passing(), DISTRIBUTED, ItemBatcher={"MaxInputBytesPerBatch": 40})
    found = await output_of(one(state), ["x" * 10] * 4)
    assert [len(batch["Items"]) for batch in found] == [2, 2]


@pytest.mark.parametrize(
    ("data", "config", "expected"),
    [
        ([1, 2, 3], {"MaxItems": 2}, [1, 2]),
        ('{"a": {"b": [4]}}', {"InputType": "JSON", "ItemsPointer": "/a/b"}, [4]),
        ('{"n": 1}\n\n{"n": 2}\n', {"InputType": "JSONL"}, [{"n": 1}, {"n": 2}]),
        (
            "h,i\n1,2\n3\n",
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            [{"h": "1", "i": "2"}, {"h": "3", "i": ""}],
        ),
        (
            "1|2\n",
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "CSVDelimiter": "PIPE"},
            [{"a": "1"}],
        ),
    ],
)
async def test_a_reader_gives_items_through_a_port(data, config, expected):
    world = World()
    world.items = data
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": "b", "Key": "k"},
    }
    assert (await world.run(one(mapping(passing(), DISTRIBUTED, ItemReader=reader))))["output"] == expected


async def test_an_object_gives_its_members_as_items():
    world = World()
    world.items = {"a": 1, "b": 2}
    selector = {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value"}
    state = mapping(passing(), DISTRIBUTED, ItemReader={"Resource": "r"}, ItemSelector=selector)
    assert (await world.run(one(state)))["output"] == [{"k": "a", "v": 1}, {"k": "b", "v": 2}]


@pytest.mark.parametrize("data", [None, 7, "{", "a,a\n1,2"])
async def test_data_that_holds_no_items_fails_the_reader(data):
    world = World()
    world.items = data
    config = {"InputType": "CSV"} if data == "a,a\n1,2" else {}
    state = mapping(passing(), DISTRIBUTED, ItemReader={"Resource": "r", "ReaderConfig": config})
    assert (await world.run(one(state)))["error"] == "States.ItemReaderFailed"


async def test_a_result_writer_takes_the_place_of_the_results():
    world = World()
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}}
    assert (await world.run(one(mapping(passing(), DISTRIBUTED, ResultWriter=writer)), [1, 2]))["output"] == {
        "Bucket": "b"
    }
    assert world.written == [({"Bucket": "b"}, [1, 2])]


async def test_maps_nest_and_their_items_are_told_apart():
    inner = mapping(task("r", Parameters={"v.$": "$", "i.$": "$$.Map.Item.Index"}))
    world = World({"r": lambda sent: [sent["i"], sent["v"]]})
    assert (await world.run(one(mapping(inner)), [["a", "b"], ["c"]]))["output"] == [[[0, "a"], [1, "b"]], [[0, "c"]]]
    assert len({call.place for call in world.calls}) == 3


async def test_the_host_may_allow_less_than_the_definition_asks():
    world = World({"r": Slow(1, 0)})
    await world.run(one(mapping(task("r"))), [0] * 9, limits=Limits(map_concurrency=4))
    assert world.most_in_flight == 4
