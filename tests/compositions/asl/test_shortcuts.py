"""What is evaluated without the library gives what the library gives, or leaves it to the library."""

import pytest

from compositions.asl.jsonata.computing import Budget, EvaluationFailed, Undefined, compute
from compositions.asl.jsonata.fast import Slow, simple
from compositions.asl.jsonata.parsing import compile_expression
from compositions.asl.paths.reading import MISSING

VALUES = ["text", "", 7, 1.5, True, None, [], [1], [[1, 2], [3]], [None, 1], ["a", "b"], [{"x": 1}], {"x": "y"}, {}]
EXPRESSIONS = [
    "'a' & $v",
    "$v & 'z' & $v",
    "'target://t/' & $states.input.v",
    "$states.input.v[0]",
    "$states.input.v[1]",
    "$states.result[1]",
]


class Bound:
    def __init__(self, value):
        self.bindings = {"v": value, "states": {"input": {"v": value}, "result": [value, value]}}

    def read(self, name):
        return self.bindings.get(name, MISSING)

    def read_states(self, name):
        return self.bindings["states"].get(name, MISSING)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_shortcut_agrees_with_the_library(expression, value):
    compiled, given = compile_expression(expression), Bound(value)
    shortcut = simple(compiled.program.ast)
    assert shortcut is not None
    try:
        found = shortcut(given)
    except Slow:
        return
    try:
        expected = compute(compiled, given.bindings, lambda: 0, lambda: 0.5, Budget(100_000))
    except Undefined:
        expected = MISSING
    except EvaluationFailed as failure:
        raise AssertionError(f"the library refuses it: {failure}") from None
    assert found == expected


@pytest.mark.parametrize(
    ("expression", "found"),
    [("'target://t/' & $states.input.v", "target://t/x"), ("$states.result[1]", "x"), ("$v & 'z'", "xz")],
)
def test_plain_texts_and_items_take_the_short_way(expression, found):
    assert simple(compile_expression(expression).program.ast)(Bound("x")) == found
