"""JSON values: their text, their size, when two are the same, and copies.

Values are shared between states and branches and are never changed in place; whoever wants another value builds one.
"""

import json
from typing import Any

import msgspec

Json = Any

_encode = msgspec.json.Encoder().encode


def text(value: Json) -> str:
    """Compact JSON text."""
    try:
        return _encode(value).decode()
    except (OverflowError, TypeError, ValueError, RecursionError):  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def size(value: Json) -> int:
    """Bytes of the compact JSON text."""
    try:
        return len(_encode(value))
    except (OverflowError, TypeError, ValueError, RecursionError):
        return len(text(value).encode("utf-8", "surrogatepass"))


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(a: Json, b: Json) -> bool:
    """Equality of JSON values: numbers by value, and true is not 1."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def key(value: Json) -> object:
    """A hashable stand-in: two values have the same one when they are the `same`."""
    if isinstance(value, dict):
        return frozenset((name, key(item)) for name, item in value.items())
    if isinstance(value, list):
        return tuple(map(key, value))
    return (value, isinstance(value, bool))


def copied(value: Json) -> Json:
    """A copy that shares no container with the original."""
    if isinstance(value, dict):
        return {key: copied(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) if isinstance(item, dict | list) else item for item in value]
    return value
