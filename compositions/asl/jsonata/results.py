"""Values in and out of the JSONata library, which says None for undefined and NULL_VALUE for null."""

import re
from typing import Any, Final

from jsonata import jsonata as library
from jsonata.parser import Parser
from jsonata.utils import Utils

from compositions.asl.values import Json, Spliced

NULL: Final = Utils.NULL_VALUE
_CONTAINERS: Final = (dict, list, Spliced)
_FUNCTIONS: Final = (library.Jsonata.JFunctionCallable, Parser.Symbol, re.Pattern)


MOST_ITEMS: Final = 200_000
_MOST_BYTES: Final = 1024 * 1024


class TooLarge(Exception):
    """More than a result may be; what it shares with itself counts each time."""


class Unsupported(Exception):
    """A function or a regular expression where a JSON value is wanted."""


def bound(value: Json) -> Any:
    """The value as the library wants it: read, and nulls marked. What holds no null is passed as it is."""
    if value is None:
        return NULL
    if type(value) is Spliced:
        return bound(value.value)
    if isinstance(value, dict):
        changed = {name: bound(item) for name, item in value.items() if item is None or isinstance(item, _CONTAINERS)}
        if any(changed[name] is not value[name] for name in changed):
            return {name: changed.get(name, item) for name, item in value.items()}
        return value
    if isinstance(value, list):
        items = [bound(item) if item is None or isinstance(item, _CONTAINERS) else item for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def plain(value: Any) -> Json:
    """A result as plain JSON; containers that need no change are passed as they are. Raises TooLarge, Unsupported."""
    return _plain(value, [_MOST_BYTES])


def _plain(value: Any, left: list[int]) -> Json:
    if value is None or value is NULL:
        return None
    kind = type(value)
    if kind in (int, bool, float):
        return value
    if kind is str:
        left[0] -= len(value)
        if left[0] < 0:
            raise TooLarge
        return value
    if isinstance(value, dict | list):
        left[0] -= 1 + 2 * len(value)
        if left[0] < 0:
            raise TooLarge
    if isinstance(value, dict):
        if kind is dict and value.get("_jsonata_lambda"):
            raise Unsupported
        items = {name: _plain(item, left) for name, item in value.items()}
        return items if kind is not dict or any(items[n] is not value[n] for n in items) else value
    if isinstance(value, list):
        if isinstance(value, Utils.RangeList):
            return list(range(value.a, value.b))
        found = [_plain(item, left) for item in value]
        return found if kind is not list or any(a is not b for a, b in zip(found, value, strict=True)) else value
    if isinstance(value, _FUNCTIONS) or callable(value):
        raise Unsupported
    return value
