"""JSON Schemas of payloads: whether a schema can be used, and what is wrong with a value, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

from controlplane.kernel.errors import FieldProblem

MOST = 20
# Nothing is fetched: a schema is whole by itself.
_NOTHING_ELSE: Registry[Any] = Registry()


class PayloadSchema:
    """A schema compiled once. `problems(value)` yields what is wrong, at most MOST of it, in reading order."""

    def __init__(self, schema: Mapping[str, Any] | bool) -> None:
        self._validator = Draft202012Validator(
            schema, registry=_NOTHING_ELSE, format_checker=Draft202012Validator.FORMAT_CHECKER
        )

    def problems(self, value: Any) -> list[FieldProblem]:
        found: list[FieldProblem] = []
        for error in self._validator.iter_errors(value):
            found += _told(error)
            if len(found) >= MOST:
                break
        return sorted(found, key=lambda problem: problem.path)[:MOST]


def schema_problems(schema: Any) -> Iterator[FieldProblem]:
    """What keeps a schema from being used."""
    if not isinstance(schema, Mapping):
        yield FieldProblem("", "invalid", 'A JSON Schema is an object: {"type": "object", "required": ["email"]}.')
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        yield FieldProblem(path_of(error.absolute_path), "invalid", _sentence(error.message))
        return
    for path, reference in _references(schema):
        if not reference.startswith("#"):
            text = f"{reference} is outside of this schema, and nothing is fetched. Copy it into $defs."
            yield FieldProblem(path, "unknown_reference", text)
        elif not _resolves(schema, reference):
            yield FieldProblem(path, "unknown_reference", f"There is no {reference} in this schema.")


def path_of(steps: Any) -> str:
    """`items[0].email`, as problems name fields."""
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}".lstrip(".")
    return path


def _told(error: ValidationError) -> Iterator[FieldProblem]:
    """A missing or unknown field is named itself, not the object that lacks or has it."""
    path, steps = path_of(error.absolute_path), list(error.absolute_path)
    if error.validator == "required" and isinstance(error.instance, Mapping):
        for name in list(error.validator_value or ()):  # type: ignore[arg-type]
            if name not in error.instance and f"{name!r}" in error.message:
                yield FieldProblem(path_of([*steps, name]), "required", "This field is required.")
        return
    if error.validator == "additionalProperties" and error.validator_value is False and isinstance(error.schema, dict):
        for name in list(error.instance or ()):  # type: ignore[arg-type]
            if name not in error.schema.get("properties", {}) and f"{name!r}" in error.message:
                yield FieldProblem(path_of([*steps, name]), "unknown_field", "There is no such field.")
        return
    yield FieldProblem(path, str(error.validator), _sentence(error.message))


def _sentence(message: str) -> str:
    cut = message if len(message) <= 300 else message[:300] + "…"
    return cut if cut.endswith(".") else f"{cut}."


def _references(schema: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(schema, Mapping):
        for name, inner in schema.items():
            here = f"{path}.{name}".lstrip(".")
            if name in ("$ref", "$dynamicRef") and isinstance(inner, str):
                yield here, inner
            elif name not in ("const", "enum", "default", "examples"):
                yield from _references(inner, here)
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _references(inner, f"{path}[{index}]")


def _resolves(schema: Mapping[str, Any], reference: str) -> bool:
    """Whether a JSON Pointer (RFC 6901) or an anchor of the schema is meant."""
    if reference in ("#", "#/"):
        return True
    if not reference.startswith("#/"):
        return any(
            found.get(word) == reference[1:] for found in _objects(schema) for word in ("$anchor", "$dynamicAnchor")
        )
    place: Any = schema
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping) and name in place:
            place = place[name]
        elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
            place = place[int(name)]
        else:
            return False
    return True


def _objects(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for inner in schema.values():
            yield from _objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _objects(inner)
