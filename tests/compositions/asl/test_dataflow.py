"""Data on its way through a state, and variables on their way through a run."""

import pytest

from tests.compositions.asl.world import World, failure_of, jsonata, machine, one, output_of, passing, task


async def test_the_five_fields_work_in_their_order():
    state = task(
        "r",
        InputPath="$.in",
        Parameters={"sent.$": "$.x", "fixed": 1},
        ResultSelector={"kept.$": "$.y"},
        ResultPath="$.result",
        OutputPath="$.result.kept",
    )
    world = World({"r": {"y": 2, "z": 3}})
    assert (await world.run(one(state), {"in": {"x": 5}}))["output"] == 2
    assert world.calls[0].parameters == {"sent": 5, "fixed": 1}


async def test_result_path_keeps_the_raw_input_and_null_drops_the_result():
    assert await output_of(one(task("r", InputPath="$.a", ResultPath="$.r")), {"a": 1}, r=2) == {"a": 1, "r": 2}
    assert await output_of(one(task("r", ResultPath=None)), {"a": 1}, r=2) == {"a": 1}


async def test_null_paths_give_an_empty_object():
    assert await output_of(one(passing(InputPath=None)), {"a": 1}) == {}
    assert await output_of(one(passing(OutputPath=None)), {"a": 1}) == {}


@pytest.mark.parametrize("field", ["InputPath", "OutputPath"])
async def test_a_path_without_a_result_says_which(field):
    error, cause = await failure_of(one(passing(**{field: "$.a.b"})), {"a": {}})
    assert error == "States.Runtime"
    assert cause.endswith("Invalid path '$.a.b' : No results for path: $['a']['b']")


async def test_a_result_that_fits_nowhere_is_a_result_path_error():
    error, cause = await failure_of(one(passing(ResultPath="$.a.b", Result=1)), {"a": 1})
    assert error == "States.ResultPathMatchFailure"
    assert cause.endswith('Unable to apply ReferencePath $.a.b to input {"a":1}')


async def test_templates_reach_into_arrays_and_leave_other_text_alone():
    template = {"list": [{"x.$": "$.a"}, "$.a", {"y": "States.UUID()"}], "deep": {"er": {"z.$": "$$.State.Name"}}}
    expected = {"list": [{"x": 1}, "$.a", {"y": "States.UUID()"}], "deep": {"er": {"z": "Only"}}}
    assert await output_of(one(passing(Parameters=template)), {"a": 1}) == expected


async def test_an_index_beyond_an_array_is_null_in_a_template_but_a_missing_name_is_an_error():
    assert await output_of(one(passing(Parameters={"x.$": "$.a[3]"})), {"a": []}) == {"x": None}
    error, cause = await failure_of(one(passing(Parameters={"x.$": "$.b"})), {"a": []})
    assert error == "States.Runtime"
    assert cause == (
        "An error occurred while executing the state 'Only' (entered at the event id #2). The JSONPath '$.b' specified "
        "for the field 'x.$' could not be found in the input '{\"a\":[]}'"
    )


async def test_variables_reach_every_later_state_and_change_only_afterwards():
    definition = machine(
        ("A", passing(Assign={"x": 1, "y.$": "$.in"})),
        ("B", passing(Assign={"x.$": "$y", "y.$": "$x"}, Parameters={"seen.$": "$x"})),
        ("C", passing(Parameters={"x.$": "$x", "y.$": "$y", "before.$": "$.seen"})),
    )
    assert await output_of(definition, {"in": 2}) == {"x": 2, "y": 1, "before": 1}


async def test_a_task_assigns_from_its_result():
    definition = machine(
        ("T", task("r", ResultSelector={"k.$": "$.v"}, ResultPath=None, Assign={"got.$": "$.k"})),
        ("P", passing(Parameters={"got.$": "$got", "in.$": "$.i"})),
    )
    assert await output_of(definition, {"i": 1}, r={"v": 9}) == {"got": 9, "in": 1}


async def test_jsonata_fields_see_input_result_context_and_variables():
    definition = jsonata(
        ("A", passing(Assign={"v": [1, 2]})),
        (
            "T",
            task(
                "r",
                Arguments={"sum": "{% $sum($v) %}", "name": "{% $states.context.State.Name %}"},
                Assign={"v": "{% $append($v, $states.result) %}"},
                Output={"in": "{% $states.input.i %}", "got": "{% $states.result %}", "v": "{% $v %}"},
            ),
        ),
        ("P", passing(Output={"last": "{% $states.input %}", "v": "{% $v %}"})),
    )
    world = World({"r": 3})
    answer = await world.run(definition, {"i": 7})
    assert world.calls[0].parameters == {"sum": 3, "name": "T"}
    assert answer["output"] == {"last": {"in": 7, "got": 3, "v": [1, 2]}, "v": [1, 2, 3]}


async def test_query_languages_mix_state_by_state():
    definition = machine(
        ("A", passing(Parameters={"n.$": "$.n"}, Assign={"x.$": "$.n"})),
        ("B", passing(QueryLanguage="JSONata", Output={"m": "{% $states.input.n + $x %}"})),
        ("C", passing(OutputPath="$.m")),
    )
    assert await output_of(definition, {"n": 2}) == 4


async def test_branches_read_outer_variables_and_keep_their_own():
    branch = machine(("B", passing(Assign={"inner.$": "$outer"})), ("R", passing(Parameters={"i.$": "$inner"})))
    definition = machine(
        ("A", passing(Assign={"outer": 1})),
        ("P", {"Type": "Parallel", "Branches": [branch, branch]}),
        ("C", passing(Parameters={"inner.$": "$inner"})),
    )
    error, cause = await failure_of(definition)
    assert (error, "'C'" in cause, "$inner" in cause) == ("States.Runtime", True, True)


async def test_the_same_value_may_reach_every_branch_and_none_can_change_anothers():
    grow = machine(("G", passing(Result=1, ResultPath="$.shared.mine")))
    definition = machine(("P", {"Type": "Parallel", "Branches": [grow, machine(("S", passing()))]}))
    given = {"shared": {"a": 1}}
    assert await output_of(definition, given) == [{"shared": {"a": 1, "mine": 1}}, {"shared": {"a": 1}}]
    assert given == {"shared": {"a": 1}}
