"""The intrinsic functions, one table: name, how many arguments, what it does.

Limits and refusals are those of Step Functions: strings of at most 10,000 characters for Base64 and Hash, ranges of at
most 1,000 items, numbers rounded to the nearest integer where an integer is wanted.
"""

import base64
import binascii
import hashlib
import json
import math
import uuid
from collections.abc import Callable
from typing import Final, NamedTuple

from compositions.asl.values import Json, is_number, key, same, text

MAX_CHARACTERS: Final = 10_000
MAX_RANGE: Final = 1_000
MAX_BITS: Final = 4096
MAX_FORMATTED: Final = 1024 * 1024
_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
Draw = Callable[[], float]


class Refused(ValueError):
    """The function does not take these arguments."""


class Function(NamedTuple):
    least: int
    most: int
    apply: Callable[[list[Json], Draw], Json]


def _array(value: Json, which: str) -> list[Json]:
    if not isinstance(value, list):
        raise Refused(f"the {which} argument must be an array")
    return value


def _string(value: Json, which: str, most: int | None = MAX_CHARACTERS) -> str:
    if not isinstance(value, str):
        raise Refused(f"the {which} argument must be a string")
    if most is not None and len(value) > most:
        raise Refused(f"the {which} argument is longer than {most} characters")
    return value


def _integer(value: Json, which: str) -> int:
    if not is_number(value) or not math.isfinite(value):
        raise Refused(f"the {which} argument must be a number")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _partition(args: list[Json], _: Draw) -> Json:
    array, by = _array(args[0], "first"), _integer(args[1], "second")
    if by <= 0:
        raise Refused("the second argument must be a positive integer")
    return [array[i : i + by] for i in range(0, len(array), by)]


def _range(args: list[Json], _: Draw) -> Json:
    start, end, step = (_integer(args[i], which) for i, which in enumerate(("first", "second", "third")))
    if step == 0:
        raise Refused("the third argument must not be 0")
    found = range(start, end + (1 if step > 0 else -1), step)
    if found and (found[-1] - found[0]) // step + 1 > MAX_RANGE:
        raise Refused(f"the range has more than {MAX_RANGE} items")
    return list(found)


def _item(args: list[Json], _: Draw) -> Json:
    array, index = _array(args[0], "first"), args[1]
    if not isinstance(index, int) or isinstance(index, bool):
        raise Refused("the second argument must be an integer")
    if not 0 <= index < len(array):
        raise Refused(f"index {index} is outside an array of {len(array)} items")
    return array[index]


def _unique(args: list[Json], _: Draw) -> Json:
    kept: dict[object, Json] = {}
    for item in _array(args[0], "first"):
        kept.setdefault(key(item), item)
    return list(kept.values())


def _decoded(args: list[Json], _: Draw) -> Json:
    try:
        return base64.b64decode(_string(args[0], "first"), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise Refused("the argument is not valid Base64") from error


def _hash(args: list[Json], _: Draw) -> Json:
    algorithm = _ALGORITHMS.get(_string(args[1], "second"))
    if algorithm is None:
        raise Refused(f"the algorithm must be one of {', '.join(_ALGORITHMS)}")
    return hashlib.new(algorithm, _string(args[0], "first").encode(), usedforsecurity=False).hexdigest()


def _merge(args: list[Json], _: Draw) -> Json:
    first, second, deep = args
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise Refused("the first two arguments must be objects")
    if deep is not False:
        raise Refused("only the shallow merge is supported: the third argument must be false")
    return {**first, **second}


def _parsed(args: list[Json], _: Draw) -> Json:
    given = _string(args[0], "first", None)
    if not given.strip():
        return None
    try:
        return json.loads(given, parse_constant=lambda word: _never(word))
    except (ValueError, RecursionError) as error:
        raise Refused("the argument is not valid JSON") from error


def _never(word: str) -> Json:
    raise ValueError(word)


def draw_integer(start: int, end: int, draw: Draw) -> int:
    """An integer of [start, end); an empty range answers its start."""
    return start + min(int(draw() * (end - start)), max(end - start - 1, 0))


def seeded(seed: Json) -> float:
    """A number of [0, 1) that depends on the seed alone."""
    digest = hashlib.sha256(text(seed).encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def _random(args: list[Json], draw: Draw) -> Json:
    start, end = _integer(args[0], "first"), _integer(args[1], "second")
    if start >= end:
        raise Refused("the first argument must be less than the second")
    if len(args) == 3:
        value = seeded(_integer(args[2], "third"))
        return draw_integer(start, end, lambda: value)
    return draw_integer(start, end, draw)


def _add(args: list[Json], _: Draw) -> Json:
    total = _integer(args[0], "first") + _integer(args[1], "second")
    if total.bit_length() > MAX_BITS:
        raise Refused("the sum is too large")
    return total


def _split(args: list[Json], _: Draw) -> Json:
    given, by = _string(args[0], "first", None), _string(args[1], "second", None)
    if not by:
        raise Refused("the second argument must not be empty")
    joined = given.translate({ord(other): by[0] for other in by})
    return [part for part in joined.split(by[0]) if part]


def draw_uuid(draw: Draw) -> str:
    number = int(draw() * (1 << 53)) << 75 | int(draw() * (1 << 53)) << 22 | int(draw() * (1 << 22))
    return str(uuid.UUID(int=number & ((1 << 128) - 1), version=4))


def formatted(template: str, args: list[Json], most: int) -> str:
    """`{}` replaced in order; a backslash keeps a brace or a quote as it is. At most `most` characters."""
    parts: list[str] = []
    given = iter(args)
    used = i = length = 0
    while i < len(template):
        if template[i] == "\\" and i + 1 < len(template) and template[i + 1] in "{}'\\":
            parts.append(template[i + 1])
            i += 2
        elif template.startswith("{}", i):
            used += 1
            if used > len(args):
                raise Refused("there are more {} than arguments")
            value = next(given)
            parts.append(value if isinstance(value, str) else text(value))
            length += len(parts[-1])
            if length > most:
                raise Refused(f"the text is longer than {most} characters")
            i += 2
        else:
            parts.append(template[i])
            i += 1
    if used != len(args):
        raise Refused("there are more arguments than {}")
    return "".join(parts)


def _format(args: list[Json], _: Draw) -> Json:
    return formatted(_string(args[0], "first", None), args[1:], MAX_FORMATTED)


FUNCTIONS: Final[dict[str, Function]] = {
    "Array": Function(0, 1000, lambda args, _: list(args)),
    "ArrayContains": Function(2, 2, lambda a, _: any(same(item, a[1]) for item in _array(a[0], "first"))),
    "ArrayGetItem": Function(2, 2, _item),
    "ArrayLength": Function(1, 1, lambda args, _: len(_array(args[0], "first"))),
    "ArrayPartition": Function(2, 2, _partition),
    "ArrayRange": Function(3, 3, _range),
    "ArrayUnique": Function(1, 1, _unique),
    "Base64Decode": Function(1, 1, _decoded),
    "Base64Encode": Function(1, 1, lambda args, _: base64.b64encode(_string(args[0], "first").encode()).decode()),
    "Format": Function(1, 1000, _format),
    "Hash": Function(2, 2, _hash),
    "JsonMerge": Function(3, 3, _merge),
    "JsonToString": Function(1, 1, lambda args, _: text(args[0])),
    "MathAdd": Function(2, 2, _add),
    "MathRandom": Function(2, 3, _random),
    "StringSplit": Function(2, 2, _split),
    "StringToJson": Function(1, 1, _parsed),
    "UUID": Function(0, 0, lambda _, draw: draw_uuid(draw)),
}
