"""What is wrong with a payload names its field; what is wrong with a schema is said when it is written."""

from typing import Any

import pytest

from compositions.schemas import PayloadSchema, schema_problems

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["email", "plan"],
    "additionalProperties": False,
    "properties": {
        "email": {"type": "string", "format": "email"},
        "plan": {"enum": ["basic", "premium"]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
    },
    "$defs": {"item": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"email": "a@b.c", "plan": "basic", "items": [{"sku": "x"}]}, []),
        ({}, [("email", "required"), ("plan", "required")]),
        ({"email": "nobody", "plan": "basic"}, [("email", "format")]),
        ({"email": "a@b.c", "plan": "gold"}, [("plan", "enum")]),
        (
            {"email": "a@b.c", "plan": "basic", "items": [{"sku": 1}, {}]},
            [("items[0].sku", "type"), ("items[1].sku", "required")],
        ),
        ({"email": "a@b.c", "plan": "basic", "more": 1}, [("more", "unknown_field")]),
        ([], [("", "type")]),
    ],
)
def test_each_field_is_named(value: Any, expected: list[tuple[str, str]]) -> None:
    assert [(problem.path, problem.code) for problem in PayloadSchema(SCHEMA).problems(value)] == expected


def test_no_more_is_said_than_can_be_read() -> None:
    schema = PayloadSchema({"items": {"type": "string"}})
    assert len(schema.problems(list(range(1000)))) == 20


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ([], ""),
        ({"type": "objekt"}, "type"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern"),
        ({"properties": {"a": {"$ref": "https://example.com/schema.json"}}}, "properties.a.$ref"),
        ({"allOf": [{"$ref": "#/$defs/nothing"}]}, "allOf[0].$ref"),
    ],
)
def test_an_unusable_schema_says_where(schema: Any, path: str) -> None:
    assert [problem.path for problem in schema_problems(schema)] == [path]


def test_references_within_the_schema_are_followed() -> None:
    assert list(schema_problems(SCHEMA)) == []
    assert list(schema_problems({"$defs": {"a": {"$anchor": "here"}}, "$ref": "#here"})) == []
