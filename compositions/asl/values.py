"""JSON values: their text, their size, when two are the same, and copies.

Values are shared between states and branches and are never changed in place; whoever wants another value builds one.
"""

import json
from typing import Any, Final

import msgspec

Json = Any

_WORTH_SPLICING: Final = 512


class Spliced:
    """An object or an array that is nothing but its JSON text until something looks inside; then it is read, once.

    Ports bring it in (`spliced`), and get it back where a definition only passes it on: `encoded` puts the text in as
    it came, without reading it.
    """

    __slots__ = ("_value", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._value: Json = None

    @property
    def value(self) -> Json:
        if self._value is None:
            self._value = parsed(self.raw)
        return self._value

    def __eq__(self, other: object) -> bool:
        return same(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Spliced({self.raw!r})"


def _reading(value: object) -> Json:
    if type(value) is Spliced:
        return value.value
    raise TypeError(f"no JSON value: {type(value).__name__}")


def _splicing(value: object) -> Json:
    if type(value) is Spliced:
        return msgspec.Raw(value.raw)
    raise TypeError(f"no JSON value: {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_reading).encode
_splice = msgspec.json.Encoder(enc_hook=_splicing).encode
_decode = msgspec.json.Decoder().decode
_check = msgspec.json.Decoder(msgspec.Raw).decode


def parsed(raw: bytes) -> Json:
    """The value of a JSON text. Raises ValueError."""
    try:
        try:
            return _decode(raw)
        except msgspec.MsgspecError:  # lone surrogates and numbers beyond a double, which JSON allows
            return json.loads(raw, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def _no_number(word: str) -> Json:
    raise ValueError(f"{word} is not JSON")


def spliced(raw: bytes) -> Json:
    """The value of a JSON text, unread where that is worth while; the text is checked. Raises ValueError."""
    if len(raw) < _WORTH_SPLICING or raw.lstrip()[:1] not in (b"{", b"["):
        return parsed(raw)
    try:
        raw.decode()
        return Spliced(bytes(_check(raw)))
    except (msgspec.MsgspecError, RecursionError):
        return parsed(raw)


def opened(value: Json) -> Json:
    """The value itself, read if it was unread; what is in it may still be unread."""
    return value.value if type(value) is Spliced else value


def plain(value: Json) -> Json:
    """The value with nothing unread in it."""
    if isinstance(value, dict):
        items = {name: plain(item) for name, item in value.items()}
        return items if any(items[name] is not item for name, item in value.items()) else value
    if isinstance(value, list):
        found = [plain(item) for item in value]
        return found if any(a is not b for a, b in zip(found, value, strict=True)) else value
    return opened(value)


def text(value: Json) -> str:
    """Compact JSON text."""
    try:
        return _encode(value).decode()
    except (OverflowError, TypeError, ValueError, RecursionError):  # integers beyond 64 bits
        return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), default=str)


def encoded(value: Json) -> bytes:
    """JSON text as it leaves the house: what was never read goes out as it came in."""
    if type(value) is Spliced:
        return value.raw
    try:
        return _splice(value)
    except (OverflowError, TypeError, ValueError, RecursionError):
        return text(value).encode("utf-8", "surrogatepass")


def size(value: Json) -> int:
    """Bytes of the compact JSON text."""
    try:
        return len(_encode(value))
    except (OverflowError, TypeError, ValueError, RecursionError):
        return len(text(value).encode("utf-8", "surrogatepass"))


def exceeds(value: Json, limit: int) -> bool:
    """Whether the text has more than `limit` bytes, told in a time that depends on the limit alone.

    Values share their parts, and a small one can have a text without end.
    """
    left, waiting = limit, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            left -= len(part) + 2
        elif isinstance(part, dict):
            left -= 1 + 5 * len(part)
        elif isinstance(part, list):
            left -= 1 + len(part)
        else:
            left -= len(part.raw) if type(part) is Spliced else 1
        if left < 0:
            return True
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(a: Json, b: Json) -> bool:
    """Equality of JSON values: numbers by value, and true is not 1."""
    a, b = opened(a), opened(b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(item, b[key]) for key, item in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def key(value: Json) -> object:
    """A hashable stand-in: two values have the same one when they are the `same`."""
    value = opened(value)
    if isinstance(value, dict):
        return frozenset((name, key(item)) for name, item in value.items())
    if isinstance(value, list):
        return tuple(map(key, value))
    return (value, isinstance(value, bool))


def copied(value: Json) -> Json:
    """A copy that shares no container with the original and has nothing unread in it."""
    if isinstance(value, dict):
        return {key: copied(item) if isinstance(item, _CONTAINERS) else item for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) if isinstance(item, _CONTAINERS) else item for item in value]
    return parsed(value.raw) if type(value) is Spliced else value


_CONTAINERS: Final = (dict, list, Spliced)
