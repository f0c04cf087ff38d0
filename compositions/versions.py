"""What differs between two definitions: their lines, their states, and every field by its place; pure."""

import difflib
import json
from collections.abc import Iterator
from typing import NamedTuple

from compositions.asl.validate.problems import Parts, written
from compositions.asl.values import Json
from compositions.walking import steps


class Difference(NamedTuple):
    """A value that differs, as compact JSON; None stands for "was not there"."""

    path: str
    before: str | None
    after: str | None


class Comparison(NamedTuple):
    """`lines` is a unified diff of the texts; states go by their place."""

    lines: str
    fields: list[Difference]
    added: list[str]
    removed: list[str]
    changed: list[str]

    @property
    def is_layout_only(self) -> bool:
        return bool(self.lines) and not self.fields


def compare(old: str, new: str, *, names: tuple[str, str] = ("before", "after")) -> Comparison:
    """Two texts of valid definitions."""
    before, after = json.loads(old), json.loads(new)
    fields = list(_differences(before, after))
    states = {step.path for step in steps(before)}, {step.path for step in steps(after)}
    touched = {owner for field in fields if (owner := _owner(field.path, states[0] & states[1]))}
    return Comparison(
        lines="\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")),
        fields=fields,
        added=sorted(states[1] - states[0]),
        removed=sorted(states[0] - states[1]),
        changed=sorted(touched),
    )


def _differences(before: Json, after: Json) -> Iterator[Difference]:
    old, new = dict(_leaves(before)), dict(_leaves(after))
    for parts in dict.fromkeys([*old, *new]):
        if old.get(parts) != new.get(parts):
            yield Difference(written(parts), old.get(parts), new.get(parts))


def _leaves(value: Json) -> Iterator[tuple[Parts, str]]:
    """In the order of the text."""
    waiting: list[tuple[Parts, Json]] = [((), value)]
    while waiting:
        parts, value = waiting.pop()
        inner: list[tuple[str | int, Json]] = []
        if isinstance(value, dict):
            inner = list(value.items())
        elif isinstance(value, list):
            inner = list(enumerate(value))
        if inner:
            waiting += [((*parts, name), each) for name, each in reversed(inner)]
        else:
            yield parts, json.dumps(value, ensure_ascii=False)


def _owner(path: str, states: set[str]) -> str:
    """The innermost state, known to both sides, that the path lies in."""
    around = [state for state in states if path.startswith((f"{state}/", f"{state}["))]
    return max(around, key=len, default="")
