"""The bounds that keep one run from harming its host."""

from typing import Final

import msgspec

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.values import Json, Spliced, encoded, size


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. The defaults are those of AWS where it has one.

    What a state makes on its way to an output may be `ROOM` times as large as a payload, but no larger.
    """

    payload: int = 256 * 1024
    variables: int = 10 * 1024 * 1024
    states: int = 25_000
    nesting: int = 32
    expression_steps: int = 20_000
    expression_seconds: float = 1.0
    map_concurrency: int = 40
    distributed_concurrency: int = 1000


ROOM: Final = 4
_SMALL: Final = frozenset((bool, int, float, type(None)))
PAGE: Final = 4096  # bytes that count as one piece of work


def check_payload(value: Json, of: str, limit: int, *, final: bool = True) -> int:
    """Refuse a result of the state or resource `of` that is larger than the limit; `final`: no Catch may take it.

    Answers about how many bytes it has.
    """
    kind = type(value)
    if kind in _SMALL:
        return 1
    length = len(value.raw if kind is Spliced else encoded(value))
    if length > limit and size(value) > limit:
        raise too_large(of, final=final)
    return length


def too_large(of: str, *, final: bool = True) -> StatesError:
    return StatesError(
        errors.DATA_LIMIT_EXCEEDED,
        f"The state/task '{of}' returned a result with a size exceeding the maximum number of bytes service limit.",
        told=True,
        final=final,
    )


class Gathering:
    """The results of inner workflows while they come in: together they have room, or the state `of` fails."""

    __slots__ = ("_left", "_of")

    def __init__(self, of: str, limits: Limits) -> None:
        self._of = of
        self._left = limits.payload * ROOM

    @property
    def is_over(self) -> bool:
        return self._left < 0

    def add(self, result: Json) -> Json:
        self._left -= len(encoded(result))
        if self.is_over:
            raise too_large(self._of)
        return result
