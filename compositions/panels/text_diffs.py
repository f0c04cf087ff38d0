"""What differs between two definitions, line by line, with some lines around; pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

AROUND = 3


class Line(NamedTuple):
    """`kind` is same, gone or new; numbers from 1, None on the side where the line is not."""

    kind: str
    old: int | None
    new: int | None
    text: str


class Diff(NamedTuple):
    """Stretches of lines; between them nothing differs."""

    hunks: Sequence[Sequence[Line]]
    added: int
    removed: int

    @property
    def is_empty(self) -> bool:
        return not self.hunks


def diff(before: str, after: str) -> Diff:
    old, new = before.splitlines(), after.splitlines()
    hunks: list[list[Line]] = []
    added = removed = 0
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND):
        lines: list[Line] = []
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [Line("same", i + 1, j1 + i - i1 + 1, old[i]) for i in range(i1, i2)]
                continue
            lines += [Line("gone", i + 1, None, old[i]) for i in range(i1, i2)]
            lines += [Line("new", None, j + 1, new[j]) for j in range(j1, j2)]
            removed += i2 - i1
            added += j2 - j1
        hunks.append(lines)
    return Diff(hunks, added, removed)
