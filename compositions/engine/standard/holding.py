"""Where an execution is held because we refuse to call, and since when; found again by a later life."""

from datetime import datetime
from typing import NamedTuple

from compositions.asl.ports import Key

from .journal import Memory


class Park(NamedTuple):
    """On which target it is held, why, and since when."""

    target: str
    why: str
    since: datetime


class Held(NamedTuple):
    """The number of a hold at its place, and when it began, in seconds since 1970."""

    number: int
    since: float


def held_before(memory: Memory, held: dict[tuple[Key, int], Held], holds: dict[tuple[Key, int], int]) -> None:
    """Fill in the holds of earlier lives: those that still last, and how many there were."""
    for place, at in memory.told_at.items():
        kind, _, number = place.what.rpartition(" ")
        if kind == "parked":
            count = int(number)
            holds[place[:2]] = max(holds.get(place[:2], 0), count)
            if place._replace(what=f"resumed {count}") not in memory.known:
                held[place[:2]] = Held(count, at / 1000)
