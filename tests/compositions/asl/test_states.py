"""Every type of state does its work and hands on the right thing."""

import pytest

from compositions.asl import InvalidDefinition, compile_machine
from tests.compositions.asl.world import START, World, failure_of, jsonata, machine, one, output_of, passing, task


async def test_a_pass_hands_on_its_input():
    assert await output_of(one(passing()), {"order": 7}) == {"order": 7}


async def test_a_pass_gives_its_result_as_it_is_written():
    assert await output_of(one(passing(Result={"path.$": "$.x"}))) == {"path.$": "$.x"}


async def test_a_result_wins_over_parameters():
    assert await output_of(one(passing(Result=1, Parameters={"a": 2}))) == 1


async def test_a_succeed_ends_with_what_its_paths_leave():
    assert await output_of(one({"Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b"}), {"a": {"b": 3}}) == 3


async def test_a_jsonata_succeed_ends_with_its_output():
    assert await output_of(jsonata(("S", {"Type": "Succeed", "Output": "{% $states.input.n + 1 %}"})), {"n": 1}) == 2


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        ({"Error": "Sold.Out", "Cause": "none left"}, "Sold.Out", "none left"),
        ({"ErrorPath": "$.e", "CausePath": "States.Format('no {}', $.c)"}, "From.Input", "no more"),
        ({"ErrorPath": "$$.State.Name"}, "Only", None),
        ({}, None, None),
    ],
)
async def test_a_fail_says_what_it_is_told_to_say(fields, error, cause):
    assert await failure_of(one({"Type": "Fail", **fields}), {"e": "From.Input", "c": "more"}) == (error, cause)


async def test_a_fail_whose_path_leads_nowhere_is_a_runtime_error():
    error, cause = await failure_of(one({"Type": "Fail", "ErrorPath": "$.nowhere"}), {"x": 1})
    assert error == "States.Runtime"
    assert "The JSONPath '$.nowhere' specified for the field 'ErrorPath' could not be found in the input" in cause


async def test_a_fail_computes_its_words_in_jsonata():
    failing = jsonata(
        ("F", {"Type": "Fail", "Error": "{% 'E' & $states.input.n %}", "Cause": "{% $states.input.why %}"})
    )
    assert await failure_of(failing, {"n": 1, "why": "so"}) == ("E1", "so")


async def test_a_wait_lasts_its_seconds_and_hands_on_its_input():
    world = World()
    answer = await world.run(one({"Type": "Wait", "Seconds": 90}), {"a": 1})
    assert (answer["output"], world.waited) == ({"a": 1}, 90)


@pytest.mark.parametrize(
    ("fields", "value", "waited"),
    [
        ({"SecondsPath": "$.s"}, {"s": 5}, 5),
        ({"SecondsPath": "$.s"}, {"s": 0}, 0),
        ({"Timestamp": "2023-11-14T22:13:30Z"}, {}, 10),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-14T23:13:30.500+01:00"}, 10.5),
        ({"Timestamp": "2001-01-01T00:00:00Z"}, {}, 0),
    ],
)
async def test_a_wait_takes_its_time_from_a_path_or_a_moment(fields, value, waited):
    world = World()
    assert (await world.run(one({"Type": "Wait", **fields}), value))["status"] == "SUCCEEDED"
    assert world.waited == pytest.approx(waited)


async def test_a_jsonata_wait_computes_its_seconds():
    world = World()
    await world.run(jsonata(("W", {"Type": "Wait", "Seconds": "{% $states.input.n * 2 %}"})), {"n": 4})
    assert world.waited == 8


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"SecondsPath": "$.s"}, "cannot be parsed as a long value: $.s == 1.5"),
        ({"SecondsPath": "$.n"}, "references a negative value: $.n == -1"),
        ({"TimestampPath": "$.t"}, "does not reference a valid ISO-8601"),
        ({"Timestamp": "2262-01-01T00:00:00Z"}, "Wait state delay is too long."),
    ],
)
async def test_a_wait_that_makes_no_sense_is_a_runtime_error(fields, words):
    error, cause = await failure_of(one({"Type": "Wait", **fields}), {"s": 1.5, "n": -1, "t": "tomorrow"})
    assert error == "States.Runtime"
    assert words in cause


async def test_a_task_sends_its_parameters_and_gets_the_result():
    world = World({"price": {"amount": 3}})
    answer = await world.run(one(task("price", Parameters={"sku.$": "$.sku", "currency": "EUR"})), {"sku": "A1"})
    assert answer["output"] == {"amount": 3}
    assert world.calls[0].parameters == {"sku": "A1", "currency": "EUR"}
    assert (world.calls[0].state, world.calls[0].resource) == ("Only", "price")


async def test_a_task_may_read_its_token_where_it_waits_for_one():
    world = World({"ask.waitForTaskToken": "yes"})
    await world.run(one(task("ask.waitForTaskToken", Parameters={"token.$": "$$.Task.Token"})))
    assert world.calls[0].parameters["token"] == world.calls[0].token
    assert len(world.calls[0].token) == 32


async def test_a_task_passes_its_credentials_apart_from_its_parameters():
    world = World({"r": 1})
    await world.run(one(task("r", Credentials={"RoleArn.$": "$.role"})), {"role": "arn:x"})
    assert world.calls[0].credentials == {"RoleArn": "arn:x"}


async def test_a_choice_takes_the_first_rule_that_holds():
    rules = [
        {"Variable": "$.n", "NumericGreaterThan": 10, "Next": "Big"},
        {"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Some"},
    ]
    choosing = machine(
        ("C", {"Type": "Choice", "Choices": rules, "Default": "None"}),
        ("Big", passing(Result="big", End=True)),
        ("Some", passing(Result="some", End=True)),
        ("None", passing(Result="none", End=True)),
    )
    assert [await output_of(choosing, {"n": n}) for n in (11, 2, 0)] == ["big", "some", "none"]


async def test_a_choice_that_matches_nothing_has_no_way_on():
    choosing = machine(
        ("C", {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsNull": True, "Next": "P"}]}), ("P", passing())
    )
    error, cause = await failure_of(choosing, {"n": 1})
    assert error == "States.Runtime"
    assert cause.endswith("Failed to transition out of the state. The state does not point to a next state.")


async def test_a_choice_on_a_path_that_leads_nowhere_fails_the_run():
    choosing = machine(
        ("C", {"Type": "Choice", "Choices": [{"Variable": "$.m", "IsNull": True, "Next": "P"}], "Default": "P"}),
        ("P", passing()),
    )
    error, cause = await failure_of(choosing, {"n": 1})
    assert (error, "Invalid path '$.m': The choice state's condition path references" in cause) == (
        "States.Runtime",
        True,
    )


async def test_a_jsonata_choice_assigns_and_outputs_what_its_rule_says():
    rule = {"Condition": "{% $states.input.n > 1 %}", "Assign": {"seen": "rule"}, "Output": "out", "Next": "P"}
    choosing = jsonata(
        ("C", {"Type": "Choice", "Choices": [rule], "Default": "P", "Assign": {"seen": "default"}}),
        ("P", passing(Output=["{% $seen %}", "{% $states.input %}"])),
    )
    assert await output_of(choosing, {"n": 2}) == ["rule", "out"]
    assert await output_of(choosing, {"n": 0}) == ["default", {"n": 0}]


async def test_a_condition_that_is_no_boolean_is_a_query_error():
    rule = {"Condition": "{% $states.input.n %}", "Next": "P"}
    error, cause = await failure_of(jsonata(("C", {"Type": "Choice", "Choices": [rule]}), ("P", passing())), {"n": 2})
    assert error == "States.QueryEvaluationError"
    assert "specified for the field 'Choices[0]/Condition' returned an unexpected result type" in cause


async def test_the_context_object_tells_where_the_run_stands():
    shown = await output_of(machine(("First", passing()), ("Second", passing(Parameters={"c.$": "$$"}))), {"i": 1})
    context = shown["c"]
    assert context["Execution"]["Input"] == {"i": 1}
    assert context["State"] == {"Name": "Second", "EnteredTime": "2023-11-14T22:13:20.000Z"}
    assert context["StateMachine"]["Id"].startswith("arn:aws:states:")
    assert START == 1_700_000_000


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"StartAt": "A", "States": {}},
        {"StartAt": "A", "States": {"A": {"Type": "Dance", "End": True}}},
        one(passing(InputPath="nowhere")),
        one(passing(Parameters={"a.$": "States.Nothing()"})),
        machine(("A", passing(Next="B"))),
        jsonata(("A", passing(Output="{% 1 + %}"))),
        one({"Type": "Wait"}),
        one({"Type": "Choice", "Choices": []}),
        one({"Type": "Task"}),
    ],
)
def test_a_definition_that_cannot_run_is_refused_before_it_runs(definition):
    with pytest.raises(InvalidDefinition):
        compile_machine(definition)
