"""JSONPath payload templates: JSON whose members ending in `.$` hold a path or an intrinsic function, compiled once."""

from collections.abc import Callable
from typing import Protocol

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.intrinsics import Drawing, Intrinsic
from compositions.asl.limits import ROOM
from compositions.asl.paths import BEYOND, MISSING, Path
from compositions.asl.paths.parsing import CONTEXT
from compositions.asl.values import Json, exceeds, text

Filler = Callable[[Json, Drawing], Json]


class Template(Protocol):
    def fill(self, value: Json, around: Drawing) -> Json: ...


class Constant:
    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def fill(self, value: Json, around: Drawing) -> Json:
        return self._value


class Record:
    __slots__ = ("_members",)

    def __init__(self, members: dict[str, Filler]) -> None:
        self._members = tuple(members.items())

    def fill(self, value: Json, around: Drawing) -> Json:
        return {name: fill(value, around) for name, fill in self._members}


class Sequence:
    __slots__ = ("_items",)

    def __init__(self, items: list[Filler]) -> None:
        self._items = tuple(items)

    def fill(self, value: Json, around: Drawing) -> Json:
        return [fill(value, around) for fill in self._items]


def reference(source: str, field: str) -> Filler:
    """A path or an intrinsic function as the value of `field`, which causes name."""
    if not source.startswith("$"):
        return Intrinsic(source).evaluate
    path = Path(source)

    def found(value: Json, around: Drawing) -> Json:
        result = path.find(value, around)
        if result is MISSING:
            searched = around.context() if path.root is CONTEXT else value
            raise errors.runtime(
                f"The JSONPath '{source}' specified for the field '{field}' could not be found in the input "
                f"'{text(searched)}'"
            )
        return None if result is BEYOND else result

    return found


class Manifold:
    """A template with many dynamic parts: together they may make far more than each alone."""

    __slots__ = ("_template",)

    def __init__(self, template: Template) -> None:
        self._template = template

    def fill(self, value: Json, around: Drawing) -> Json:
        made = self._template.fill(value, around)
        if exceeds(made, around.most_bytes):
            raise StatesError(errors.DATA_LIMIT_EXCEEDED, f"The data is larger than {around.most_bytes} bytes.")
        return made


def compile_template(value: Json) -> Template:
    template = _compiled(value)
    return template if isinstance(template, Constant) or _dynamic_parts(value) <= ROOM else Manifold(template)


def _dynamic_parts(value: Json) -> int:
    if isinstance(value, dict):
        return sum(1 if name.endswith(".$") else _dynamic_parts(item) for name, item in value.items())
    return sum(map(_dynamic_parts, value)) if isinstance(value, list) else 0


def _compiled(value: Json) -> Template:
    if isinstance(value, dict):
        members: dict[str, Filler] = {}
        constant = True
        for name, item in value.items():
            if name.endswith(".$") and isinstance(item, str):
                constant = False
                members[name[:-2]] = reference(item, name)
            else:
                part = _compiled(item)
                constant = constant and isinstance(part, Constant)
                members[name] = part.fill
        return Constant(value) if constant else Record(members)
    if isinstance(value, list):
        parts = [_compiled(item) for item in value]
        return (
            Constant(value) if all(isinstance(part, Constant) for part in parts) else Sequence([p.fill for p in parts])
        )
    return Constant(value)
