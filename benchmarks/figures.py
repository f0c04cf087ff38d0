"""What a benchmark gives back, and how all of it is shown and kept."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Aim(NamedTuple):
    """A bound for the ratio, or for the value where there is no ratio to take."""

    at_least: float | None = None
    below: float | None = None

    def met_by(self, figure: float) -> bool:
        return (self.at_least is None or figure >= self.at_least) and (self.below is None or figure < self.below)

    def __str__(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"< {self.below:g}"


class Entry(NamedTuple):
    """`ratio` is ours by the peer's; `aim` bounds it, or `value` where `ratio` is None or `of_value` says so."""

    name: str
    value: float
    unit: str
    versus: str = ""
    ratio: float | None = None
    aim: Aim | None = None
    note: str = ""
    of_value: bool = False

    @property
    def ok(self) -> bool | None:
        if self.aim is None:
            return None
        return self.aim.met_by(self.value if self.ratio is None or self.of_value else self.ratio)

    def document(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": rounded(self.value),
            "unit": self.unit,
            "versus": self.versus or None,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "aim": None if self.aim is None else str(self.aim),
            "ok": self.ok,
        }


def write(entries: Sequence[Entry], path: Path) -> None:
    path.write_text(json.dumps([entry.document() for entry in entries], indent=2, ensure_ascii=False) + "\n")


def table(entries: Sequence[Entry]) -> str:
    rows = [("what", "value", "against", "ratio", "aim", "")]
    for entry in entries:
        verdict = {None: "", True: "ok", False: "MISSED"}[entry.ok]
        ratio = "" if entry.ratio is None else f"{entry.ratio:.3g}"
        figure = f"{rounded(entry.value):,} {entry.unit}"
        rows.append((entry.name, figure, entry.versus, ratio, str(entry.aim or ""), verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{entry.name}: {entry.note}" for entry in entries if entry.note]
    wrapped = [textwrap.fill(note, 120, initial_indent="* ", subsequent_indent="  ") for note in notes]
    return "\n".join([*lines, "", *wrapped])


def rounded(value: float) -> float:
    """Three digits at least; more would pretend."""
    return round(value) if value >= 100 else round(value, 2 if value >= 1 else 4)
