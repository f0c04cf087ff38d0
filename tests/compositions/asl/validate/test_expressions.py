"""What stands inside strings: intrinsic functions, JSONata, and the names it may read."""

import pytest

from compositions.asl.validate import validate
from tests.compositions.asl.validate.definitions import only, state


@pytest.mark.parametrize(
    "call",
    [
        "States.Array(1, 'two', $.three, null, true)",
        "States.ArrayPartition($.a, 2)",
        "States.ArrayContains($.a, $.b)",
        "States.ArrayRange(1, 9, 2)",
        "States.ArrayGetItem($.a, 0)",
        "States.ArrayLength($.a)",
        "States.ArrayUnique($.a)",
        "States.Base64Encode('x')",
        "States.Base64Decode($.x)",
        "States.Hash($.x, 'SHA-256')",
        "States.JsonMerge($.a, $.b, false)",
        "States.StringToJson($.x)",
        "States.JsonToString($)",
        "States.MathRandom(1, 9)",
        "States.MathAdd($.n, -1)",
        "States.StringSplit($.x, ',')",
        "States.UUID()",
        "States.Format('{} and {}', $.a, States.UUID())",
    ],
)
def test_intrinsic_functions_are_known(call):
    assert validate(state("Pass", Parameters={"x.$": call})) == []


@pytest.mark.parametrize(
    "call",
    [
        "States.Array(",
        "States.Array(1,)",
        "States.Arrays(1)",
        "States.UUID(1)",
        "Array(1)",
        "States.UUID() x",
        'States.Hash("a", "b")',
        "States.ArrayLength()",
    ],
)
def test_a_call_that_cannot_be_read_is_refused_at_its_field(call):
    problem = only(state("Pass", Parameters={"deep": [{"x.$": call}]}))
    assert problem.path == "/States/State/Parameters/deep[0]"
    assert problem.message.startswith(
        "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call"
    )


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.a[b > 1].c",
        "$sum($states.input.rows.price)",
        "$x.($y := n; $y + 1)",
        "$states.result{kind: $count($)}",
        "$states.input.rows^(>price)",
        "$states.input ~> |rows|{'seen': true}|",
        "$map($rows, function($r) { $r.id })",
        "{'a': $states.context.Execution.Id}",
        "[1..3]",
        "$uuid() & $now()",
        "($f := function($n) { $n * 2 }; $f(2))",
        "/* why */ 1",
        "$unknown",
        "$states.input.a ? 'yes' : 'no'",
    ],
)
def test_expressions_read_states_variables_and_their_own_steps(expression):
    assert validate(state("Task", jsonata=True, Output={"x": [f"{{% {expression} %}}"]})) == []


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("phone", "phone"),
        ("phone.number", "phone"),
        ("$sum(prices)", "prices"),
        ("{'a': b}", "b"),
        ("[c]", "c"),
        ("$states.input.a = d", "d"),
        ("e ? 1 : 2", "e"),
        ("($x := f; $x)", "f"),
        ("(g).h", "g"),
        ("i[0]", "i"),
    ],
)
def test_a_name_at_the_top_level_reads_nothing(expression, name):
    problem = only(state("Pass", jsonata=True, Output={"v": f"{{% {expression} %}}"}))
    assert (problem.path, problem.code) == ("/States/State/Output/v", "UNSUPPORTED_JSONATA_EXPRESSION")
    assert problem.message.startswith(f"Reference to '{name}' at the top level is not supported.")


def test_the_document_itself_is_out_of_reach():
    assert "'$$'" in only(state("Pass", jsonata=True, Output="{% $$.a %}")).message


@pytest.mark.parametrize("text", ["{% 1", "1 %}", "{%%", "{%", "%}", " {% 1 %}", "{% 1 %} "])
def test_delimiters_come_in_pairs(text):
    assert only(state("Pass", jsonata=True, Output=text)).code == "INVALID_JSONATA_EXPRESSION"


@pytest.mark.parametrize("text", ["plain", "50% off", "{1%}2", " {% both outside %} "])
def test_other_text_is_text(text):
    assert validate(state("Pass", jsonata=True, Output=text)) == []


def test_a_state_called_catch_is_no_catcher():
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Catch",
        "States": {"Catch": {"Type": "Pass", "Output": "{% $states.errorOutput %}", "End": True}},
    }
    assert only(definition).code == "UNSUPPORTED_JSONATA_EXPRESSION"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("Pass", {"Output": "{% $states.result %}"}),
        ("Wait", {"Assign": {"x": "{% $states.result.a %}"}}),
        ("Choice", {"Output": "{% $states.result %}"}),
        ("Task", {"Arguments": {"x": "{% $states.result %}"}}),
        ("Task", {"TimeoutSeconds": "{% $states.result %}"}),
        ("Map", {"Items": "{% $states.result %}"}),
        ("Task", {"Catch": [{"ErrorEquals": ["E"], "Next": "After", "Output": "{% $states.result %}"}]}),
    ],
)
def test_the_result_is_there_only_after_the_work(kind, fields):
    problem = only(state(kind, jsonata=True, **fields))
    assert problem.code == "UNSUPPORTED_JSONATA_EXPRESSION"
    assert "'$states.result' is available in the Output and the Assign" in problem.message


@pytest.mark.parametrize("kind", ["Task", "Parallel", "Map"])
def test_states_that_work_read_their_result(kind):
    fields = {"Assign": {"x": "{% $states.result.a %}"}, "Output": {"Catch": {"States": "{% $states.result %}"}}}
    assert validate(state(kind, jsonata=True, **fields)) == []
