"""What a durable execution was told, by place: as happenings in memory, and as the text of one commit.

A happening is `[what, path, attempt, at (ms), told]`. What the interpreter asks for again in a later life is found by
its place; the rest is history. Three marks have no place: "redriven", "put off" and "tried" say that failures before
them are forgiven, so that the step that failed is tried again and what succeeded stays.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from compositions.asl.ports import Checkpoint, Key, Place
from compositions.asl.values import Json, encoded

Told = Mapping[str, Any]
Happening = tuple[str, Key, int, int, Told]

CHECKPOINT: Final = Place((), 0, "checkpoint")
CALL: Final = "call"
REDRIVEN: Final = "redriven"
PUT_OFF: Final = "put off"
TRIED: Final = "tried"
FORGIVING: Final = frozenset((REDRIVEN, PUT_OFF, TRIED))

_decode = msgspec.json.Decoder().decode


def written(happenings: Iterable[Happening]) -> str:
    """The text of one commit."""
    return encoded(list(happenings)).decode("utf-8", "replace")


def storable(words: str) -> str:
    """Text that a database takes: no NUL, no half of a surrogate pair."""
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def read(told: str) -> list[Happening]:
    return [
        (what, tuple((name, index) for name, index in path), attempt, at, happened)
        for what, path, attempt, at, happened in _decode(told)
    ]


class Tally(msgspec.Struct):
    """What is counted of a life, and kept with each checkpoint. `undoing`: a Catch was taken in the machine itself or
    in a workflow inside it, so that what is called from there on puts things right."""

    caught: bool = False
    undoing: bool = False
    done: int = 0
    undone: int = 0
    redriven_at: float | None = None


class Memory:
    """Everything that earlier lives were told since the last checkpoint."""

    def __init__(self) -> None:
        self.known: dict[Place, Told] = {}
        self.told_at: dict[Place, int] = {}  # of holds, in ms
        self.checkpoint: Checkpoint | None = None
        self.tally = Tally()

    def learn(self, told: str) -> None:
        """Take in the text of one more commit, in the order of their numbers."""
        for what, path, attempt, at, happened in read(told):
            if what == CHECKPOINT.what and not path:
                self.known.clear()
                self.told_at.clear()
                self.checkpoint = msgspec.convert(happened["at"], Checkpoint)
                self.tally = msgspec.convert(happened["tally"], Tally)
            elif what in FORGIVING:
                self._forgive()
                if what == REDRIVEN:
                    self.tally.redriven_at = at / 1000
            else:
                place = Place(path, attempt, what)
                self.known[place] = happened
                if what.startswith("parked "):
                    self.told_at[place] = at

    def _forgive(self) -> None:
        self.known = {place: told for place, told in self.known.items() if _stands(place, told)}
        self.told_at.clear()


def _stands(place: Place, told: Told) -> bool:
    """What is still true when a step is tried again: results and decisions that were no failures, and entries."""
    if place.what == CALL or "outputs" in told:
        return "error" not in told
    return place.what in ("entered", "entered at", "branches", "items") and "error" not in told


def result(told: Told) -> Json:
    return told["output"]
