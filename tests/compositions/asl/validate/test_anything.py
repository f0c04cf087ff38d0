"""Whatever it is given, validate answers; what it says of a text is what it says of its value."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compositions.asl import compile_machine
from compositions.asl.outline import outline
from compositions.asl.validate import EXPRESS, STANDARD, Problem, validate
from compositions.asl.validate.rules import OPERATORS
from compositions.asl.validate.states import STATES, WHOLE

NAMES = sorted(
    {field for shape in STATES.values() for field in shape.fields}
    | set(WHOLE)
    | {"And", "Or", "Not", "Variable", "Condition", "ErrorEquals", "Mode", "ProcessorConfig", "RoleArn", "a.$"}
    | set(OPERATORS)
)
TEXTS = [
    "JSONata",
    "JSONPath",
    "$.a",
    "$$",
    "$x[",
    "{% $states.input.a %}",
    "{% ((( %}",
    "{% a",
    "States.UUID()",
    "States.Format(",
    "A",
    "arn:aws:states:::http:invoke.sync",
    "DISTRIBUTED",
    "2030-01-31T12:00:00Z",
    "States.ALL",
    *STATES,
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS)
    | st.text(max_size=8)
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=10,
)
STATE = st.builds(
    lambda kind, fields: {**fields, "Type": kind},
    st.sampled_from(sorted(STATES)),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
)
MACHINE = st.fixed_dictionaries(
    {
        "StartAt": st.sampled_from(["A", "B", "C"]),
        "States": st.dictionaries(st.sampled_from(["A", "B", "C"]), STATE, max_size=3),
    },
    optional={"QueryLanguage": st.sampled_from(["JSONata", "JSONPath", "X"])},
)


def places_are_real(text: str, problems: list[Problem]) -> bool:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return all(
        p.line is not None
        and p.column is not None
        and 1 <= p.line <= len(lines)
        and 1 <= p.column <= len(lines[p.line - 1]) + 1
        for p in problems
    )


@settings(deadline=None)
@given(st.one_of(JSON, MACHINE), st.sampled_from([STANDARD, EXPRESS]))
def test_any_json_is_judged(value, machine_type):
    problems = validate(value, machine_type=machine_type)
    assert all(problem.message and problem.path.startswith("/") for problem in problems)
    outline(value)
    if not problems and machine_type == STANDARD:
        compile_machine(value)


@settings(deadline=None)
@given(st.one_of(JSON, MACHINE), st.sampled_from([None, 1, "\t"]))
def test_a_text_is_judged_as_its_value_and_its_places_are_in_it(value, indent):
    text = json.dumps(value, indent=indent)
    problems = validate(text)
    if isinstance(value, str):  # the text of a text is not the definition that the text would be
        assert problems
    else:
        assert [(p.path, p.code, p.message) for p in problems] == [(p.path, p.code, p.message) for p in validate(value)]
    assert places_are_real(text, problems)


@settings(deadline=None)
@given(st.text() | st.text(alphabet='{}[]:,"\\ 1eaE.-ntru\n\r', max_size=40))
def test_any_text_is_judged(text):
    assert places_are_real(text or " ", validate(text))


@settings(deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="$.[]()'\"?@*,:{}%| ~>a1&=States.Fomt", max_size=30))
def test_any_path_call_and_expression_is_judged(text):
    validate(
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "InputPath": text, "Parameters": {"a.$": text}, "End": True}}}
    )
    output = {"A": {"Type": "Pass", "Output": f"{{% {text} %}}", "End": True}}
    validate({"StartAt": "A", "QueryLanguage": "JSONata", "States": output})


@pytest.mark.parametrize("depth", [50, 400, 20_000])
def test_deep_expressions_and_paths_are_judged(depth):
    for text in ("(" * depth + "1" + ")" * depth, "-" * depth + "1", "[" * depth):
        output = {"A": {"Type": "Pass", "Output": f"{{% {text} %}}", "End": True}}
        validate({"StartAt": "A", "QueryLanguage": "JSONata", "States": output})
    for text in ("$" + ".a" * depth, "$" + "[?(@" * depth, "$[?(" + "(" * depth, "States.Array(" * depth):
        validate({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"a.$": text}, "End": True}}})
