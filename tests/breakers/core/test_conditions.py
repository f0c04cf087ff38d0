"""Statements as rows and back: what fits says the same, what does not is left alone."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakers.core.conditions import FIELDS, NAMED, SIZES, Condition, operators_of, places, rows, tree
from breakers.core.statements import compile_statement, problems

PATH = {"path": {"starts": ["/a"]}}
POST = {"method": ["POST"]}
INSIDE = {"ip": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({}, []),
        (PATH, [Condition(1, "path", "starts", ("/a",))]),
        ({"path": {"is": "/a", "ignore_case": True}}, [Condition(1, "path", "is", ("/a",), ignore_case=True)]),
        ({"not": {"not": POST}}, [Condition(1, "method", "is", ("POST",))]),
        ({"size": {"of": "headers", "over": 99}}, [Condition(1, "header_size", "over", ("99",))]),
        ({"header": {"name": "x", "present": False}}, [Condition(1, "header", "missing", (), "x")]),
        (
            {"all": [{"all": [PATH]}, {}, {"not": INSIDE}]},
            [Condition(1, "path", "starts", ("/a",)), Condition(1, "ip", "is", ("10.0.0.0/8",), negated=True)],
        ),
        (
            {"not": {"all": [PATH, INSIDE]}},
            [
                Condition(1, "path", "starts", ("/a",), negated=True),
                Condition(2, "ip", "is", ("10.0.0.0/8",), negated=True),
            ],
        ),
        (
            {"any": [{"all": [PATH, POST]}, {"any": [{"label": "odd"}]}]},
            [
                Condition(1, "path", "starts", ("/a",)),
                Condition(1, "method", "is", ("POST",)),
                Condition(2, "label", "is", ("odd",)),
            ],
        ),
    ],
    ids=str,
)
def test_an_or_of_ands_has_rows(statement: dict[str, Any], expected: list[Condition]) -> None:
    assert rows(statement) == expected
    assert rows(tree(expected)) == expected


@pytest.mark.parametrize(
    "statement",
    [
        {"all": [PATH, {"any": [POST, INSIDE]}]},
        {"not": {}},
        {"any": [{}, PATH]},
        {"header": {"name": "x", "is": [""]}},
        {"header": {"name": "x", "contains": "a\nb"}},
        {"query": {"name": "q", "is": " spaced "}},
    ],
    ids=str,
)
def test_what_rows_cannot_say_has_none(statement: dict[str, Any]) -> None:
    assert rows(statement) is None


def test_each_row_knows_its_place_in_the_tree() -> None:
    found = rows({"any": [{"all": [PATH, POST]}, INSIDE]})
    assert found is not None
    assert places(found) == ["statement.any[0].all[0]", "statement.any[0].all[1]", "statement.any[1]"]
    assert places(found[:1]) == ["statement"]
    assert places(found[:2]) == ["statement.all[0]", "statement.all[1]"]


@st.composite
def conditions(draw: st.DrawFn, group: int) -> Condition:
    field = draw(st.sampled_from(sorted(FIELDS)))
    operator = draw(st.sampled_from(operators_of(field)))
    pool = {"ip": ["10.0.0.0/8", "::1"], "forwarded_ip": ["192.0.2.7"], "method": ["GET", "POST"], "label": ["odd"]}
    words = pool.get(field, ["5"] if field in SIZES else ["/a", "/b/c"])
    most = 1 if field == "label" or field in SIZES else 2
    values = tuple(draw(st.lists(st.sampled_from(words), min_size=1, max_size=most, unique=True)))
    if operator in ("present", "missing"):
        values = ()
    return Condition(
        group=group,
        field=field,
        operator=operator,
        values=values,
        name="x-odd" if field in NAMED else "",
        negated=draw(st.booleans()),
        ignore_case=bool(values) and (field == "path" or field in NAMED) and draw(st.booleans()),
    )


# On a busy machine drawing takes long; that says nothing about rows.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rows_survive_the_way_there_and_back(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 3), max_size=3))
    found = [data.draw(conditions(group)) for group, size in enumerate(sizes, start=1) for _ in range(size)]
    statement = tree(found)
    assert problems(statement) == []
    assert rows(statement) == found
    assert callable(compile_statement(statement))
