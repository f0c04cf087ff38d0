"""JSON with `{% ... %}` strings anywhere in it, compiled once; parts without an expression are shared, never copied."""

from compositions.asl.jsonata.expressions import Expression, Given
from compositions.asl.jsonata.parsing import expression_of
from compositions.asl.values import Json


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


Template = Constant | Record | Sequence | Expression


def compile_template(value: Json, field: str) -> Template:
    if isinstance(value, str):
        expression = expression_of(value)
        return Constant(value) if expression is None else Expression(expression, field)
    if isinstance(value, dict):
        members = {name: compile_template(item, f"{field}/{name}") for name, item in value.items()}
        return Constant(value) if all(isinstance(m, Constant) for m in members.values()) else Record(members)
    if isinstance(value, list):
        items = [compile_template(item, f"{field}[{i}]") for i, item in enumerate(value)]
        return Constant(value) if all(isinstance(item, Constant) for item in items) else Sequence(items)
    return Constant(value)
