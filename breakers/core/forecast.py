"""What recorded use says: when a quota will end, how near it is, and what other limits would have refused.

A forecast is the pace of recent use, drawn on; it knows no weekends. Times are in seconds.
"""

from collections.abc import Iterable
from typing import Literal

Standing = Literal["", "near", "used up"]

NEAR = 0.8


def seconds_left(left: float, pace_per_s: float, until_reset_s: float) -> float | None:
    """How long a quota lasts at this pace; None when it outlasts its period. 0 when nothing is left."""
    if left <= 0:
        return 0.0
    if pace_per_s <= 0 or left / pace_per_s >= until_reset_s:
        return None
    return left / pace_per_s


def standing(used: float, limit: float) -> Standing:
    """ "near" from 80 % on, "used up" from 100 % on."""
    if used >= limit:
        return "used up"
    return "near" if used >= NEAR * limit else ""


def share_words(used: float, limit: float) -> str:
    """`83 %`; never rounded up to 100 % while something is left, nor down to 0 % once something was used."""
    if limit <= 0 or used >= limit:
        return "100 %" if limit <= 0 else f"{used / limit:.0%}".replace("%", " %")
    percent = min(99, max(1 if used > 0 else 0, round(100 * used / limit)))
    return f"{percent} %"


def replay(seconds: Iterable[tuple[int, int]], rate: float, burst: int) -> int:
    """How many of these requests, (second, count) in the order of time, a full bucket would have refused.

    Requests of one second count as spread evenly over it, so `burst` is there for them at once and `rate` comes in
    meanwhile; real ones that came in a bunch may have fared worse.
    """
    level, last, refused = float(burst), None, 0
    for second, count in seconds:
        if last is not None:
            level = min(burst, level + rate * (second - last - 1))
        last = second
        passed = min(count, int(level + rate + 1e-9))
        refused += count - passed
        level = min(burst, level + rate - passed)
    return refused
