"""Every field of every kind of state: what it takes, what it refuses, and on which states it may stand."""

from typing import Any

import pytest

from compositions.asl.validate import validate
from compositions.asl.validate.objects import BOTH
from compositions.asl.validate.problems import JSONATA, JSONPATH
from compositions.asl.validate.scalars import anything
from compositions.asl.validate.states import STATES
from tests.compositions.asl.validate.definitions import LEAST, only, said, state
from tests.compositions.asl.validate.fields import FIELDS

# Fields that cannot stand beside what a state of that kind has at least.
INSTEAD = {
    "Next": ("End",),
    "SecondsPath": ("Seconds",),
    "Timestamp": ("Seconds",),
    "TimestampPath": ("Seconds",),
    "Iterator": ("ItemProcessor",),
}
ANYWHERE = ("Type", "QueryLanguage")


def holders(field: str) -> list[str]:
    return [kind for kind, shape in STATES.items() if field in shape.fields]


def with_field(kind: str, field: str, value: Any) -> dict[str, Any]:
    jsonata = STATES[kind].fields[field].language == JSONATA
    return state(kind, INSTEAD.get(field, ()), jsonata, **{field: value})


def test_the_table_below_knows_every_field():
    assert {field for shape in STATES.values() for field in shape.fields} == {*FIELDS, *ANYWHERE}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [(kind, field, value) for field, (taken, _) in FIELDS.items() for value in taken for kind in holders(field)],
)
def test_a_field_takes_what_the_language_says(kind, field, value):
    assert validate(with_field(kind, field, value)) == []


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [(kind, field, value) for field, (_, refused) in FIELDS.items() for value in refused for kind in holders(field)],
)
def test_a_field_refuses_everything_else_and_says_where(kind, field, value):
    problems = validate(with_field(kind, field, value))
    mine = [problem for problem in problems if problem.path.startswith("/States/State")]
    assert any(field in problem.path or field in problem.message for problem in mine)


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for field in FIELDS for kind in STATES if field not in STATES[kind].fields]
)
def test_a_field_of_another_kind_of_state_is_not_supported(kind, field):
    problems = said(state(kind, **{field: FIELDS[field][0][0]}))
    assert ("/States/State", f"Field '{field}' is not supported.") in [
        (path, text[: text.find(".") + 1]) for path, text in problems
    ]


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, name) for kind, shape in STATES.items() for name, field in shape.fields.items() if field.language != BOTH],
)
def test_a_field_of_the_other_query_language_is_named_as_such(kind, field):
    own = STATES[kind].fields[field].language
    other = JSONATA if own == JSONPATH else JSONPATH
    problems = said(state(kind, INSTEAD.get(field, ()), other == JSONATA, **{field: FIELDS[field][0][0]}))
    wanted = (
        f"The QueryLanguage is set to '{other}', but field '{field}' is only supported for the '{own}' QueryLanguage."
    )
    assert any(path == "/States/State" and message.startswith(wanted) for path, message in problems)


@pytest.mark.parametrize("kind", STATES)
def test_a_state_needs_no_more_than_its_least_fields(kind):
    assert validate(state(kind)) == []
    assert validate(state(kind, jsonata=True)) == []


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Task", "Resource"),
        ("Choice", "Choices"),
        ("Wait", "Seconds"),
        ("Parallel", "Branches"),
        ("Map", "ItemProcessor"),
    ],
)
def test_a_state_without_a_field_it_needs_is_told_which(kind, field):
    definition = state(kind, (field,), Comment="leads to 'After'")
    definition["States"].pop("After", None)
    problems = said(definition)
    assert ("/States/State", True) in [(path, f"[{field}" in message) for path, message in problems]


@pytest.mark.parametrize("kind", [kind for kind, least in LEAST.items() if "End" in least])
def test_a_state_that_goes_on_needs_next_or_end(kind):
    assert "One of these fields is required: [Next, End]" in str(said(state(kind, ("End",))))
    assert "only be one of the following fields: [Next, End]" in only(state(kind, Next="After")).message


@pytest.mark.parametrize(
    ("kind", "pair"),
    [
        ("Task", {"TimeoutSeconds": 5, "TimeoutSecondsPath": "$.t"}),
        ("Task", {"HeartbeatSeconds": 5, "HeartbeatSecondsPath": "$.t"}),
        ("Wait", {"Seconds": 5, "SecondsPath": "$.t"}),
        ("Wait", {"Seconds": 5, "Timestamp": "2030-01-31T12:00:00Z"}),
        ("Fail", {"Error": "E", "ErrorPath": "$.e"}),
        ("Fail", {"Cause": "C", "CausePath": "$.c"}),
        ("Map", {"ItemSelector": {}, "Parameters": {}}),
        ("Map", {"MaxConcurrency": 1, "MaxConcurrencyPath": "$.n"}),
        ("Map", {"ToleratedFailureCount": 1, "ToleratedFailureCountPath": "$.n"}),
        ("Map", {"ToleratedFailurePercentage": 1, "ToleratedFailurePercentagePath": "$.n"}),
    ],
)
def test_fields_that_say_the_same_shut_each_other_out(kind, pair):
    problem = only(state(kind, **pair))
    assert problem.path == "/States/State"
    assert problem.message.startswith(f"There should only be one of the following fields: [{', '.join(pair)}]")


def test_a_map_has_one_processor():
    inside = {"StartAt": "Other", "States": {"Other": {"Type": "Succeed"}}}
    assert "[ItemProcessor, Iterator]" in only(state("Map", Iterator=inside)).message


def test_a_heartbeat_is_shorter_than_its_timeout():
    assert validate(state("Task", TimeoutSeconds=10, HeartbeatSeconds=9)) == []
    assert only(state("Task", TimeoutSeconds=10, HeartbeatSeconds=10)).path == "/States/State/HeartbeatSeconds"


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Task", "TimeoutSeconds"),
        ("Task", "HeartbeatSeconds"),
        ("Wait", "Seconds"),
        ("Fail", "Error"),
        ("Fail", "Cause"),
        ("Map", "MaxConcurrency"),
        ("Map", "ToleratedFailureCount"),
        ("Map", "ToleratedFailurePercentage"),
        ("Map", "ItemSelector"),
    ],
)
def test_in_jsonata_a_value_may_be_computed(kind, field):
    assert validate(state(kind, jsonata=True, **{field: "{% $states.input.n %}"})) == []
    assert only(state(kind, jsonata=True, **{field: "{% 1 + %}"})).code == "INVALID_JSONATA_EXPRESSION"
    if field not in ("Error", "Cause"):
        assert validate(state(kind, **{field: "{% $states.input.n %}"}))


def test_a_name_that_is_nearly_right_is_suggested():
    assert "Did you mean 'InputPath'?" in only(state("Pass", InputPaht="$.a")).message


def test_static_fields_are_not_looked_into():
    assert STATES["Pass"].fields["Result"].check is anything
