"""The operators of JSONPath Choice rules."""

import pytest

from compositions.asl.choices import compile_rule, glob


class Around:
    most_bytes = 1024 * 1024
    variables = {"limit": 5}

    def context(self):
        return {"State": {"Name": "C"}}

    def draw(self):
        return 0.5


def holds(rule, value):
    return compile_rule({"Variable": "$.v", **rule}, "")({"v": value, "w": 5}, Around())


@pytest.mark.parametrize(
    ("rule", "fits", "does_not"),
    [
        ({"StringEquals": "a"}, "a", "b"),
        ({"StringLessThan": "b"}, "a", "b"),
        ({"StringGreaterThanEquals": "b"}, "b", "a"),
        ({"NumericEquals": 5}, 5.0, "5"),
        ({"NumericEquals": 1}, 1, True),
        ({"NumericLessThanEquals": 5}, 5, 6),
        ({"NumericGreaterThanPath": "$.w"}, 6, 5),
        ({"NumericEqualsPath": "$limit"}, 5, 4),
        ({"BooleanEquals": True}, True, 1),
        ({"TimestampLessThan": "2024-01-01T00:00:00Z"}, "2023-12-31T23:59:59Z", "2023"),
        ({"TimestampEquals": "2024-01-01T01:00:00+01:00"}, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001Z"),
        ({"IsNull": True}, None, 0),
        ({"IsBoolean": True}, False, 0),
        ({"IsNumeric": True}, 0, False),
        ({"IsNumeric": False}, "0", 0),
        ({"IsString": True}, "", None),
        ({"IsTimestamp": True}, "2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z"),
        ({"StringMatches": "log-*.txt"}, "log-2.txt", "log-2.csv"),
    ],
)
def test_an_operator_tells_what_fits_from_what_does_not(rule, fits, does_not):
    assert holds(rule, fits)
    assert not holds(rule, does_not)


def test_presence_asks_for_the_place_and_not_for_the_value():
    assert holds({"IsPresent": True}, None)
    assert compile_rule({"Variable": "$.x", "IsPresent": False}, "")({}, Around())


def test_rules_are_joined_by_and_or_and_not():
    rule = {
        "And": [
            {"Variable": "$.v", "IsNumeric": True},
            {"Or": [{"Variable": "$.v", "NumericEquals": 1}, {"Not": {"Variable": "$.v", "NumericLessThan": 9}}]},
        ]
    }
    test = compile_rule(rule, "")
    assert [test({"v": v}, Around()) for v in (1, 5, 9, "1")] == [True, False, True, False]


def test_and_stops_where_it_is_decided():
    guarded = {"And": [{"Variable": "$.v", "IsPresent": True}, {"Variable": "$.v", "NumericEquals": 1}]}
    assert not compile_rule(guarded, "")({}, Around())


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "ac", False),
        ("*ab", "aab", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("ab*ba", "aba", False),
        ("a**b", "ab", True),
        ("*" + "a*" * 30, "a" * 29 + "b", False),
    ],
)
def test_a_star_is_any_text_unless_it_is_escaped(pattern, text, expected):
    assert glob(pattern)(text) is expected
