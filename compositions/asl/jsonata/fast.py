"""A short way for simple expressions: paths, one item of an array, literals, joined texts, comparisons, and/or, `$not`,
`$exists` and conditions.

`simple(tree)` answers a function of the bindings, or None where the library must do it. A shortcut that meets values it
does not know how to treat (an array in the middle of a path, operands of different types) raises `Slow`, and the
library decides. Undefined is MISSING, null is None.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, Protocol

from jsonata.jsonata import Jsonata

from compositions.asl.jsonata.functions import ADDED
from compositions.asl.paths.reading import MISSING
from compositions.asl.values import Json, Spliced, is_number, same


class Bindings(Protocol):
    def read(self, name: str) -> Json:
        """The value of a variable, or MISSING."""
        ...

    def read_states(self, name: str) -> Json:
        """A member of $states, or MISSING."""
        ...


class Slow(Exception):
    """The library must evaluate this one."""


Shortcut = Callable[[Bindings], Json]
_EXTRAS: Final = (
    *("predicate", "stages", "group", "focus", "index", "ancestor", "tuple"),
    *("keep_array", "keep_singleton_array", "consarray"),
)
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def simple(tree: Any) -> Shortcut | None:
    if any(getattr(tree, name, None) for name in _EXTRAS):
        return None
    maker = _MAKERS.get(tree.type)
    return maker(tree) if maker else None


def _literal(tree: Any) -> Shortcut:
    value = tree.value
    return lambda given: value


def _variable(tree: Any) -> Shortcut | None:
    name = str(tree.value)
    if name in ("", "$", "states") or name in ADDED or Jsonata.static_frame.lookup(name) is not None:
        return None
    return lambda given: given.read(name)


def _path(tree: Any) -> Shortcut | None:
    steps = tree.steps
    at = _item(steps)
    if any(getattr(step, name, None) for step in steps for name in _EXTRAS if at is None or name != "stages"):
        return None
    if at is not None:
        return _indexed(steps, at)
    if steps[0].type != "variable" or any(step.type not in ("name", "string") for step in steps[1:]):
        return None
    root, names = str(steps[0].value), tuple(str(step.value) for step in steps[1:])
    if root in ("", "$") or not names:
        return None
    if root != "states":
        return lambda given: _walk(given.read(root), names)
    member, rest = names[0], names[1:]
    if not rest:
        return lambda given: given.read_states(member)
    return lambda given: _walk(given.read_states(member), rest)


def _item(steps: list[Any]) -> int | None:
    """The index in a path that ends in `[n]` and has no other such place."""
    stages: list[Any] = getattr(steps[-1], "stages", None) or []
    if len(stages) != 1 or any(getattr(step, "stages", None) for step in steps[:-1]) or len(steps) < 2:
        return None
    place = stages[0].expr if stages[0].type == "filter" else None
    wanted = place.value if place is not None and place.type == "number" else None
    return wanted if type(wanted) is int and wanted >= 0 else None


def _indexed(steps: Any, at: int) -> Shortcut | None:
    if steps[0].type != "variable" or any(step.type not in ("name", "string") for step in steps[1:]):
        return None
    root, names = str(steps[0].value), tuple(str(step.value) for step in steps[1:])
    if root in ("", "$"):
        return None

    def item(given: Bindings) -> Json:
        states = root == "states"
        found = _walk(given.read_states(names[0]) if states else given.read(root), names[1:] if states else names)
        found = found.value if type(found) is Spliced else found
        if type(found) is not list or at >= len(found):
            raise Slow
        value = found[at]
        if value is None or isinstance(value, list) or (type(value) is Spliced and isinstance(value.value, list)):
            raise Slow  # the library makes sequences of them
        return value

    return item


def _walk(value: Json, names: tuple[str, ...]) -> Json:
    for name in names:
        if type(value) is Spliced:
            value = value.value
        if type(value) is dict:
            value = value.get(name, MISSING)
        elif isinstance(value, list):
            raise Slow
        else:
            return MISSING
    return value


def _binary(tree: Any) -> Shortcut | None:
    sign = str(tree.value)
    left, right = simple(tree.lhs), simple(tree.rhs)
    if left is None or right is None:
        return None
    if sign in _ORDER:
        return _comparison(left, right, _ORDER[sign])
    if sign in ("=", "!="):
        return _equality(left, right, sign == "=")
    if sign in ("and", "or"):
        return _junction(left, right, sign == "or")
    return _joined(left, right) if sign == "&" else None


def _joined(left: Shortcut, right: Shortcut) -> Shortcut:
    def joined(given: Bindings) -> Json:
        a, b = left(given), right(given)
        if type(a) is str and type(b) is str:
            return a + b
        raise Slow

    return joined


def _comparison(left: Shortcut, right: Shortcut, compare: Callable[[Any, Any], bool]) -> Shortcut:
    def compared(given: Bindings) -> Json:
        a, b = left(given), right(given)
        if (is_number(a) and is_number(b)) or (type(a) is str and type(b) is str):
            return compare(a, b)
        raise Slow

    return compared


def _equality(left: Shortcut, right: Shortcut, wanted: bool) -> Shortcut:
    def compared(given: Bindings) -> Json:
        a, b = left(given), right(given)
        if a is MISSING or b is MISSING:
            return False
        return same(a, b) is wanted

    return compared


def _junction(left: Shortcut, right: Shortcut, any_: bool) -> Shortcut:
    def joined(given: Bindings) -> Json:
        a = _truth(left(given))
        return any_ if a is any_ else _truth(right(given))

    return joined


def _truth(value: Json) -> bool:
    if value is MISSING or value is None:
        return False
    if type(value) is bool:
        return value
    raise Slow


def _function(tree: Any) -> Shortcut | None:
    name, arguments = str(tree.procedure.value), tree.arguments or []
    if tree.procedure.type != "variable" or len(arguments) != 1 or name not in ("not", "exists"):
        return None
    argument = simple(arguments[0])
    if argument is None:
        return None
    if name == "exists":
        return lambda given: _own(given, "exists") and argument(given) is not MISSING

    def negated(given: Bindings) -> Json:
        value = _own(given, "not") and argument(given)
        return MISSING if value is MISSING else not _truth(value)

    return negated


def _own(given: Bindings, name: str) -> bool:
    if given.read(name) is not MISSING:  # a variable hides the function of that name
        raise Slow
    return True


def _condition(tree: Any) -> Shortcut | None:
    test, then = simple(tree.condition), simple(tree.then)
    other = simple(tree._else) if getattr(tree, "_else", None) is not None else lambda given: MISSING
    if test is None or then is None or other is None:
        return None
    return lambda given: then(given) if _truth(test(given)) else other(given)


_MAKERS: Final[dict[str, Callable[[Any], Shortcut | None]]] = {
    "binary": _binary,
    "condition": _condition,
    "function": _function,
    "number": _literal,
    "path": _path,
    "string": _literal,
    "value": _literal,
    "variable": _variable,
}
