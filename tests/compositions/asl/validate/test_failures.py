"""Retry and Catch."""

import pytest

from compositions.asl.validate import validate
from tests.compositions.asl.validate.definitions import only, said, state

NAMED = {"ErrorEquals": ["Busy", "States.Timeout"]}
ALL = {"ErrorEquals": ["States.ALL"]}


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        (
            "ErrorEquals",
            [["A"], ["A", "B"], ["States.ALL"]],
            [[], "A", [1], None, ["States.ALL", "A"], ["A", "States.ALL"]],
        ),
        ("IntervalSeconds", [1, 99_999_999], [0, -1, 1.5, "1"]),
        ("MaxAttempts", [0, 99_999_999], [-1, 0.5, 100_000_000, "3"]),
        ("BackoffRate", [1, 1.0, 2.5], [0.99, 0, -1, "2"]),
        ("MaxDelaySeconds", [1, 31_622_399], [0, 31_622_400, "5"]),
        ("JitterStrategy", ["FULL", "NONE"], ["full", "SOME", 1, None]),
        ("Comment", ["x"], [1]),
        ("Next", [], ["Elsewhere"]),
    ],
)
def test_a_retrier_takes_its_numbers_within_bounds(field, taken, refused):
    for value in taken:
        assert validate(state("Task", Retry=[{**NAMED, field: value}])) == []
    for value in refused:
        assert only(state("Task", Retry=[{**NAMED, field: value}])).path.startswith("/States/State/Retry[0]")


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        ("ErrorEquals", [["A"]], [[], "A", ["States.ALL", "A"]]),
        ("ResultPath", ["$", "$.error", None], ["error", "$$.error", "$.a[*]", 1]),
        ("Assign", [{"e.$": "$.Error"}], [{"e.$": "Error"}, []]),
        ("Comment", ["x"], [1]),
        ("Output", [], ["{% 1 %}"]),
        ("MaxAttempts", [], [1]),
    ],
)
def test_a_catcher_takes_where_to_go_and_what_to_keep(field, taken, refused):
    for value in taken:
        assert validate(state("Task", Catch=[{**NAMED, "Next": "After", field: value}])) == []
    for value in refused:
        assert only(state("Task", Catch=[{**NAMED, "Next": "After", field: value}])).path.startswith(
            "/States/State/Catch[0]"
        )


def test_what_is_missing_is_named():
    assert "[ErrorEquals]" in only(state("Task", Retry=[{}])).message
    assert "[ErrorEquals, Next]" in only(state("Task", Catch=[{}])).message


@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_states_all_comes_last(field):
    entries = [{**ALL, "Next": "After"}, {**NAMED, "Next": "After"}]
    if field == "Retry":
        entries = [ALL, NAMED]
    assert validate(state("Task", **{field: entries[::-1]})) == []
    assert said(state("Task", **{field: entries})) == [
        (
            f"/States/State/{field}[0]/ErrorEquals",
            f"'States.ALL' must appear in the last entry of {field}. Move this entry to the end.",
        )
    ]


def test_a_jsonata_catcher_reads_the_error_and_has_no_result_path():
    catcher = {**ALL, "Next": "After"}
    output = "{% $states.errorOutput.Cause %}"
    assert validate(state("Task", jsonata=True, Catch=[{**catcher, "Output": output, "Assign": {"e": output}}])) == []
    assert (
        "'ResultPath' is only supported"
        in only(state("Task", jsonata=True, Catch=[{**catcher, "ResultPath": "$"}])).message
    )
    assert only(state("Task", jsonata=True, Output=output)).code == "UNSUPPORTED_JSONATA_EXPRESSION"
