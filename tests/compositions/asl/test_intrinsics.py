"""Intrinsic functions: what they answer and what they refuse."""

import hashlib

import pytest

from compositions.asl import StatesError
from compositions.asl.intrinsics import Intrinsic, IntrinsicError
from compositions.asl.intrinsics.functions import FUNCTIONS

VALUE = {
    "list": [1, 2, 2.0, True, {"a": 1}, {"a": 1.0}],
    "text": "a,b;c",
    "o": {"a": 1},
    "p": {"a": 2, "b": 3},
    "n": 2.5,
}


class Around:
    most_bytes = 1024 * 1024
    variables = {"v": "x"}

    def context(self):
        return {"State": {"Name": "Here"}}

    def draw(self):
        return 0.99


def evaluated(call):
    return Intrinsic(call).evaluate(VALUE, Around())


ANSWERS = [
    ("States.Array()", []),
    ("States.Array(1, -2.5, 'x', true, null, $v, $$.State.Name)", [1, -2.5, "x", True, None, "x", "Here"]),
    ("States.ArrayContains($.list, 2)", True),
    ("States.ArrayContains($.list, 'two')", False),
    ("States.ArrayGetItem($.list, 0)", 1),
    ("States.ArrayLength($.list)", 6),
    ("States.ArrayPartition(States.Array(1, 2, 3), 2)", [[1, 2], [3]]),
    ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
    ("States.ArrayRange(5, 1, -2)", [5, 3, 1]),
    ("States.ArrayRange(1, 0, 1)", []),
    ("States.ArrayUnique($.list)", [1, 2, True, {"a": 1}]),
    ("States.Base64Encode('häh')", "aMOkaA=="),
    ("States.Base64Decode('aMOkaA==')", "häh"),
    ("States.Format('{} and \\{\\}, it\\'s {}', $.o, 7)", '{"a":1} and {}, it\'s 7'),
    ("States.Hash('x', 'MD5')", "9dd4e461268c8034f5c8564e155c67a6"),
    *(
        (f"States.Hash('x', '{name}')", hashlib.new(name.replace("-", ""), b"x").hexdigest())
        for name in ("SHA-1", "SHA-256", "SHA-384", "SHA-512")
    ),
    ("States.JsonMerge($.o, $.p, false)", {"a": 2, "b": 3}),
    ("States.JsonToString($.o)", '{"a":1}'),
    ("States.MathAdd(2, $.n)", 5),
    ("States.MathRandom(1, 10)", 9),
    ("States.StringSplit($.text, ',;')", ["a", "b", "c"]),
    ("States.StringToJson('[1, \"a\"]')", [1, "a"]),
    ("States.StringToJson('  ')", None),
    ("States.UUID()", "fd70a3d7-0a3d-47eb-851e-b851ebbf5c28"),
]


def test_every_function_has_an_answer_here():
    called = {call.removeprefix("States.").partition("(")[0] for call, _ in ANSWERS}
    assert called == FUNCTIONS.keys()


@pytest.mark.parametrize(("call", "expected"), ANSWERS)
def test_a_function_answers(call, expected):
    found = evaluated(call)
    assert found == expected
    assert [type(item) for item in found] == [type(item) for item in expected] if isinstance(found, list) else True


def test_a_seed_makes_a_random_number_certain():
    assert evaluated("States.MathRandom(0, 1000, 7)") == evaluated("States.MathRandom(0, 1000, 7)")


def test_a_uuid_is_one_of_version_4():
    assert evaluated("States.UUID()")[14] == "4"


@pytest.mark.parametrize(
    "call",
    [
        "States.ArrayGetItem($.list, 6)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayLength($.text)",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayRange(1, 2000, 1)",
        "States.ArrayRange(1, 2, 0)",
        "States.Base64Decode('~')",
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.Hash('x', 'md5')",
        "States.JsonMerge($.o, $.p, true)",
        "States.JsonMerge($.o, 1, false)",
        "States.MathAdd('1', 2)",
        "States.MathRandom(2, 2)",
        "States.StringToJson('{')",
        "States.StringToJson('NaN')",
    ],
)
def test_a_function_refuses_what_it_cannot_take(call):
    with pytest.raises(StatesError) as refused:
        evaluated(call)
    assert refused.value.error == "States.IntrinsicFailure"


def test_an_argument_that_leads_nowhere_is_a_runtime_error_that_names_the_call():
    with pytest.raises(StatesError) as refused:
        evaluated("States.Format('{}', $.nowhere)")
    assert refused.value.error == "States.Runtime"
    assert refused.value.cause.startswith(
        "The function 'States.Format('{}', $.nowhere)' had the following error: The JsonPath argument for the field "
        "'$.nowhere' could not be found in the input '"
    )


@pytest.mark.parametrize(
    "text",
    [
        "States.None()",
        "States.UUID(1)",
        "States.Array(",
        "States.Array(1,)",
        "States.Array('a)",
        "States.Array(x)",
        "Array()",
    ],
)
def test_what_is_no_call_is_refused(text):
    with pytest.raises(IntrinsicError):
        Intrinsic(text)
