"""Choice rules: operators and their operands, nesting, and conditions."""

import pytest

from compositions.asl.validate import validate
from compositions.asl.validate.rules import OPERATORS
from tests.compositions.asl.validate.definitions import only, said, state

TIME = "2030-01-31T12:00:00Z"
ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
TEXTS = [f"String{order}" for order in ORDERS] + ["StringMatches"]
NUMBERS = [f"Numeric{order}" for order in ORDERS]
TIMES = [f"Timestamp{order}" for order in ORDERS]
BOOLEANS = ["BooleanEquals", "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"]
PATHS = [f"{name}Path" for name in [*TEXTS[:-1], *NUMBERS, *TIMES, "BooleanEquals"]]
TEST = {"Variable": "$.a", "IsPresent": True}


def choice(*rules, **fields):
    return state("Choice", Choices=list(rules), **fields)


def test_the_operators_are_those_of_the_specification():
    assert {*TEXTS, *NUMBERS, *TIMES, *BOOLEANS, *PATHS} == set(OPERATORS)


@pytest.mark.parametrize(
    ("names", "taken", "refused"),
    [
        (TEXTS, ["", "a*"], [1, None, True]),
        (NUMBERS, [0, 1.5, -2], ["1", None, True]),
        (TIMES, [TIME], ["noon", 5, "2030-01-31 12:00:00Z"]),
        (BOOLEANS, [True, False], ["true", 1, None]),
        (PATHS, ["$.b", "$$.State.Name", "$kept"], ["b", "$.b[*]", 1]),
    ],
)
def test_an_operator_takes_operands_of_its_type(names, taken, refused):
    for name in names:
        for operand in taken:
            assert validate(choice({"Variable": "$.a", name: operand, "Next": "After"})) == []
        for operand in refused:
            problem = only(choice({"Variable": "$.a", name: operand, "Next": "After"}))
            assert problem.path == f"/States/State/Choices[0]/{name}"


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ({**TEST}, "", "These fields are required: [Next]"),
        ({"IsPresent": True, "Next": "After"}, "", "These fields are required: [Variable]"),
        ({"Variable": "$.a", "Next": "After"}, "", "compares nothing"),
        ({"Next": "After"}, "", "compares nothing"),
        (
            {**TEST, "IsNull": True, "Next": "After"},
            "",
            "There should only be one of the following fields: [IsNull, IsPresent]",
        ),
        ({**TEST, "Not": TEST, "Next": "After"}, "", "There should only be one"),
        ({"Variable": "$.a", "Not": TEST, "Next": "After"}, "", "Field 'Variable' is not supported beside 'Not'"),
        ({"Variable": "a", "IsPresent": True, "Next": "After"}, "/Variable", "not a Reference Path"),
        ({"Variable": "$.a", "StringSounds": "x", "Next": "After"}, "", "Field 'StringSounds' is not supported"),
        ({"And": [], "Next": "After"}, "/And", "too short"),
        ({"And": TEST, "Next": "After"}, "/And", "Expected value of type Array"),
        ({"Or": [1], "Next": "After"}, "/Or[0]", "Expected value of type Object"),
        ({"Not": [TEST], "Next": "After"}, "/Not", "Expected value of type Object"),
        ({"Not": {**TEST, "Next": "After"}, "Next": "After"}, "/Not", "Field 'Next' is not supported"),
        (
            {"And": [{"Or": [{**TEST, "Next": "After"}]}], "Next": "After"},
            "/And[0]/Or[0]",
            "Field 'Next' is not supported",
        ),
        (
            {"And": [TEST, {"Variable": "$.b", "NumericEquals": "1"}], "Next": "After"},
            "/And[1]/NumericEquals",
            "Number",
        ),
        ({**TEST, "Next": "After", "Comment": 1}, "/Comment", "String"),
        ({**TEST, "Next": "After", "Assign": {"1": 1}}, "/Assign", "not an identifier"),
        ({**TEST, "Condition": "{% true %}", "Next": "After"}, "", "only supported for the 'JSONata' QueryLanguage"),
    ],
)
def test_a_rule_that_is_not_one_is_refused_where_it_goes_wrong(rule, path, words):
    problems = said(choice(rule))
    assert any(at == f"/States/State/Choices[0]{path}" and words in message for at, message in problems), problems


def test_rules_nest_with_comments_and_assign_at_the_top():
    rule = {"And": [TEST, {"Not": {"Or": [TEST, {**TEST, "Comment": "inner"}]}}], "Comment": "outer"}
    assert validate(choice({**rule, "Next": "After", "Assign": {"seen": True}}, Default="After")) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"Next": "After"}, "[Condition]"),
        ({"Condition": "{% true %}"}, "[Next]"),
        ({"Condition": "true", "Next": "After"}, "must be a JSONata expression"),
        ({"Condition": 1, "Next": "After"}, "must be a JSONata expression"),
        ({"Condition": "{% 1 = %}", "Next": "After"}, "Mend the JSONata"),
        ({"Condition": "{% true %}", "Next": "After", "Output": "{% ( %}"}, "Mend the JSONata"),
        ({"Condition": "{% true %}", "Next": "After", "Variable": "$.a"}, "only supported for the 'JSONPath'"),
    ],
)
def test_a_condition_is_checked_in_jsonata(rule, words):
    assert words in only(state("Choice", jsonata=True, Choices=[rule], Default="After")).message


def test_conditions_may_be_plain_booleans_and_carry_output_and_assign():
    rules = [
        {"Condition": True, "Next": "After", "Assign": {"x": "{% $states.input %}"}},
        {"Condition": "{% $x > 1 %}", "Next": "After", "Output": {"a": "{% $x %}"}},
    ]
    assert validate(state("Choice", jsonata=True, Choices=rules)) == []


def test_deep_nesting_is_judged_without_recursion():
    rule = TEST
    for _ in range(100):
        rule = {"Not": rule}
    assert validate(choice({**rule, "Next": "After"})) == []
