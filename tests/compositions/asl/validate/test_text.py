"""Definitions that come as text: syntax errors, lines and columns, names that stand twice."""

import json

import pytest

from compositions.asl.validate import validate
from compositions.asl.validate.text import Places
from tests.compositions.asl.validate.definitions import only, state

TEXT = """{
  "StartAt": "Ask",
  "Coment": "why",
  "States": {
    "Ask": {
      "Type": "Choice",
      "Choices": [
        {"Variable": "$.n",
         "NumericEquals": "one", "Next": "Gone"}
      ]
    },
    "Lost": {"Type": "Wait",
      "Seconds":
        -1, "End": true}
  }
}"""


def test_a_problem_is_found_at_its_value_or_its_name():
    assert {(p.path, p.line, p.column) for p in validate(TEXT)} == {
        ("/", 3, 3),
        ("/States/Ask/Choices[0]/NumericEquals", 9, 27),
        ("/States/Ask/Choices[0]/Next", 9, 42),
        ("/States/Lost/Seconds", 14, 9),
        ("/States/Lost", 12, 5),
    }


def test_a_definition_that_was_read_already_has_no_lines():
    assert [(p.line, p.column) for p in validate(json.loads(TEXT))] == [(None, None)] * 5


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("{", 1, 2),
        ('{\n "a": }', 2, 7),
        ('{"a": 1,}', 1, 9),
        ("{'a': 1}", 1, 2),
        ('{"a": 1} {', 1, 10),
        ("not json", 1, 1),
        ('{"a":\n NaN}', 2, 2),
        ('{"NaN": "NaN", "a": -Infinity}', 1, 21),
        ('{"a": "\n"}', 1, 8),
        ('{"a": ' + "9" * 5000 + "}", 1, 7),
    ],
)
def test_a_syntax_error_has_line_and_column(text, line, column):
    problem = only(text)
    assert (problem.code, problem.line, problem.column) == ("INVALID_JSON_DESCRIPTION", line, column)


def test_an_empty_text_is_no_description():
    assert only("").code == "MISSING_DESCRIPTION"


def test_a_state_that_stands_twice_is_refused_and_other_names_are_not():
    states = '"A": {"Type": "Pass", "End": true},\n "A": {"Type": "Succeed"}'
    text = f'{{"StartAt": "A", "StartAt": "A", "States": {{\n {states}}}}}'
    problem = only(text)
    assert (problem.code, problem.path, problem.line, problem.column) == ("DUPLICATE_STATE_NAME", "/States/A", 3, 2)


def test_a_payload_called_states_may_have_a_name_twice():
    payload = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true, "Result": {"States": {"x": 1, "x": 2}}}}}'
    assert validate(payload) == []


@pytest.mark.parametrize("place", ['"ItemProcessor": %s', '"Branches": [%s]'])
def test_a_state_that_stands_twice_is_seen_inside_other_states(place):
    inside = '{"StartAt": "B", "States": {"B": {"Type": "Succeed"}, "B": {"Type": "Succeed"}}}'
    kind = "Map" if "Item" in place else "Parallel"
    holder = f'{{"Type": "{kind}", "End": true, {place.replace("%s", inside)}}}'
    text = f'{{"StartAt": "A", "States": {{"A": {holder}}}}}'
    assert only(text).code == "DUPLICATE_STATE_NAME"


def test_every_line_ending_counts_as_one_line():
    places = Places('{\r\n"a":\r1,\n"b" : [2,\n{"c": 3}]}')
    assert places.find(("a",), by_name=False) == (3, 1)
    assert places.find(("b",), by_name=False) == (4, 1)
    assert places.find(("b", 1, "c"), by_name=True) == (5, 2)
    assert places.find(("b", 1, "c", "nothing", 7), by_name=True) == (5, 7)


def test_names_are_found_however_they_are_escaped():
    text = json.dumps(state("Pass", **{'Grüße "dort"': 1}))
    assert "\\u00fc" in text
    assert only(text).column == text.index('"Gr') + 1
