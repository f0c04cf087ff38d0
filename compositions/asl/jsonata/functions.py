"""The functions that Step Functions adds to JSONata, and those whose answer must come through a port.

`$partition`, `$range`, `$hash`, `$random`, `$uuid` and `$parse` are added; `$eval` is taken away; `$now`, `$millis` and
`$shuffle` use the run's clock and its random numbers.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from jsonata.datetimeutils import DateTimeUtils
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from compositions.asl.intrinsics.functions import draw_uuid, seeded
from compositions.asl.jsonata.results import bound, plain
from compositions.asl.values import Json, is_number

_ALGORITHMS: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_MAX_RANGE: Final = 100_000
Draw = Callable[[], float]
Clock = Callable[[], int]  # milliseconds


def refuse(message: str) -> JException:
    return JException(message, -1)


def _number(name: str, value: Any) -> int:
    if not is_number(value):
        raise refuse(f"the arguments of ${name} must be numbers")
    return int(value)


def partition(array: Any = None, by: Any = None) -> Any:
    if array is None or by is None:
        return None
    size, items = _number("partition", by), array if isinstance(array, list) else [array]
    if size <= 0:
        raise refuse("the second argument of $partition must be positive")
    items = list(items)
    return [items[i : i + size] for i in range(0, len(items), size)]


def range_(start: Any = None, end: Any = None, step: Any = 1) -> Any:
    if start is None or end is None or step is None:
        return None
    first, last, by = _number("range", start), _number("range", end), _number("range", step)
    if by == 0:
        raise refuse("the third argument of $range must not be 0")
    found = range(first, last + (1 if by > 0 else -1), by)
    if found and (found[-1] - found[0]) // by >= _MAX_RANGE:
        raise refuse(f"$range gives more than {_MAX_RANGE} items")
    return Utils.create_sequence_from_iter(found)


def hash_(value: Any = None, algorithm: Any = None) -> Any:
    if value is None:
        return None
    if not isinstance(value, str) or algorithm not in _ALGORITHMS:
        raise refuse(f"$hash takes a string and one of {', '.join(_ALGORITHMS)}")
    return hashlib.new(_ALGORITHMS[algorithm], value.encode(), usedforsecurity=False).hexdigest()


def parse(value: Any = None) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise refuse("$parse takes a string")
    try:
        return bound(json.loads(value))
    except (ValueError, RecursionError):
        raise refuse("the argument of $parse is not valid JSON") from None


def _now(clock: Clock) -> Callable[..., Any]:
    return lambda picture=None, timezone=None: DateTimeUtils.format_datetime(clock(), picture, timezone)


def _random(draw: Draw) -> Callable[..., Any]:
    return lambda seed=None: draw() if seed is None else seeded(plain(seed))


def _shuffle(draw: Draw) -> Callable[..., Any]:
    def shuffle(array: Any = None) -> Json:
        if array is None:
            return None
        items = list(array) if isinstance(array, list) else [array]
        for i in range(len(items) - 1, 0, -1):
            other = int(draw() * (i + 1))
            items[i], items[other] = items[other], items[i]
        return items

    return shuffle


ADDED: Final[dict[str, Callable[[Clock, Draw], Callable[..., Any]]]] = {
    "hash": lambda clock, draw: hash_,
    "millis": lambda clock, draw: lambda: clock(),
    "now": lambda clock, draw: _now(clock),
    "parse": lambda clock, draw: parse,
    "partition": lambda clock, draw: partition,
    "random": lambda clock, draw: _random(draw),
    "range": lambda clock, draw: range_,
    "shuffle": lambda clock, draw: _shuffle(draw),
    "uuid": lambda clock, draw: lambda: draw_uuid(draw),
}
REMOVED: Final = frozenset({"eval"})


def bindings(names: frozenset[str], clock: Clock, draw: Draw) -> dict[str, Any]:
    """The library's bindings for those of `names` that are functions of ours."""
    given: dict[str, Any] = {name: Jsonata.JLambda(ADDED[name](clock, draw)) for name in names if name in ADDED}
    return given | dict.fromkeys(names & REMOVED)
