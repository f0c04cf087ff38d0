"""The bounds that keep one run from harming its host."""

import msgspec

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.values import Json, fits


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. The defaults are those of AWS where it has one."""

    payload: int = 256 * 1024
    states: int = 25_000
    nesting: int = 32
    expression_steps: int = 20_000
    expression_seconds: float = 1.0
    map_concurrency: int = 40
    distributed_concurrency: int = 1000


def check_payload(value: Json, of: str, limit: int, *, final: bool = True) -> None:
    """Refuse a result of the state or resource `of` that is larger than the limit; `final`: no Catch may take it."""
    if type(value) in (bool, int, float, type(None)):
        return
    if not fits(value, limit):
        raise StatesError(
            errors.DATA_LIMIT_EXCEEDED,
            f"The state/task '{of}' returned a result with a size exceeding the maximum number of bytes service limit.",
            told=True,
            final=final,
        )
