"""JSON with `{% ... %}` strings anywhere in it, compiled once; parts without an expression are shared, never copied."""

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.jsonata.expressions import Expression, Given
from compositions.asl.jsonata.parsing import expression_of
from compositions.asl.limits import ROOM
from compositions.asl.values import Json, exceeds


class Constant:
    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    async def value(self, given: Given) -> Json:
        return self._value


class Record:
    __slots__ = ("_members",)

    def __init__(self, members: dict[str, "Template"]) -> None:
        self._members = tuple(members.items())

    async def value(self, given: Given) -> Json:
        return {name: await member.value(given) for name, member in self._members}


class Sequence:
    __slots__ = ("_items",)

    def __init__(self, items: list["Template"]) -> None:
        self._items = tuple(items)

    async def value(self, given: Given) -> Json:
        return [await item.value(given) for item in self._items]


class Manifold:
    """A template with many expressions: together they may make far more than each alone."""

    __slots__ = ("_template",)

    def __init__(self, template: "Template") -> None:
        self._template = template

    async def value(self, given: Given) -> Json:
        made = await self._template.value(given)
        most = given.around.most_bytes
        if exceeds(made, most):
            raise StatesError(errors.DATA_LIMIT_EXCEEDED, f"The data is larger than {most} bytes.")
        return made


Template = Constant | Record | Sequence | Manifold | Expression


def compile_template(value: Json, field: str) -> Template:
    template = _compiled(value, field)
    return Manifold(template) if _expressions(value) > ROOM else template


def _expressions(value: Json) -> int:
    if isinstance(value, dict | list):
        return sum(map(_expressions, value.values() if isinstance(value, dict) else value))
    return int(expression_of(value) is not None)


def _compiled(value: Json, field: str) -> Template:
    if isinstance(value, str):
        expression = expression_of(value)
        return Constant(value) if expression is None else Expression(expression, field)
    if isinstance(value, dict):
        members = {name: _compiled(item, f"{field}/{name}") for name, item in value.items()}
        return Constant(value) if all(isinstance(m, Constant) for m in members.values()) else Record(members)
    if isinstance(value, list):
        items = [_compiled(item, f"{field}[{i}]") for i, item in enumerate(value)]
        return Constant(value) if all(isinstance(item, Constant) for item in items) else Sequence(items)
    return Constant(value)
