"""API Gateway's file format for keys (CSV with the columns Name, Key, Description, Enabled, UsagePlanIds); pure.

Header names may be in any case and order, unknown columns are left out, Enabled is true unless told, and several plans
stand in double or single quotes, separated by commas.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html
"""

import csv
import io
from collections.abc import Iterator

import msgspec

from . import api_keys

MOST_LINES = 10_000
MOST_CHARACTERS = 2_000_000
LONGEST_NAME = 1024
MOST_PROBLEMS = 200

COLUMNS = ("Name", "Key", "Description", "Enabled", "UsagePlanIds")
NAMES = {column.lower(): column for column in COLUMNS}
YES, NO = {"true", "yes", "1", ""}, {"false", "no", "0"}


class LineProblem(msgspec.Struct, frozen=True):
    """What is wrong in which column of which line (line 0: the file), and what to do. Never a key itself."""

    line: int
    column: str
    code: str
    message: str
    remedy: str


class KeyLine(msgspec.Struct, frozen=True):
    """One key of the file. `line` is where its record begins. One that is not enabled is left out, and not judged."""

    line: int
    name: str
    key: str
    description: str = ""
    enabled: bool = True
    plans: tuple[str, ...] = ()


class KeyFile(msgspec.Struct):
    lines: list[KeyLine] = []
    problems: list[LineProblem] = []


def read(text: str) -> KeyFile:
    """The keys of a file, and everything that is wrong with it by itself."""
    file = KeyFile([], [])
    text = text.removeprefix("\ufeff")
    if found := _whole(text):
        file.problems.append(found)
        return file
    first: dict[str, int] = {}
    try:
        for number, cells in _records(text):
            line, problems = (None, [cells]) if isinstance(cells, LineProblem) else _line(number, cells)
            file.problems += problems
            if line is not None:
                file.lines.append(line)
            if line is not None and line.enabled:
                seen = first.setdefault(api_keys.digest(line.key), number)
                if seen != number:
                    message = f"The same key stands in line {seen}."
                    file.problems.append(LineProblem(number, "Key", "duplicate", message, "Leave out one of the two."))
            if len(file.lines) > MOST_LINES:
                message = f"The file has more than {MOST_LINES:,} keys."
                file.problems.append(LineProblem(number, "", "too_many", message, "Split it into several files."))
                break
            if len(file.problems) >= MOST_PROBLEMS:
                message = f"There are {MOST_PROBLEMS} problems up to here; the rest was not looked at."
                del file.problems[MOST_PROBLEMS:]
                file.problems.append(LineProblem(number, "", "too_many", message, "Mend these first."))
                break
    except _Broken as broken:
        file.problems.append(broken.problem)
    if not file.lines and not file.problems:
        file.problems.append(LineProblem(0, "", "empty", "The file has a header and no keys.", "Add a line for each."))
    return file


class _Broken(Exception):
    """The file cannot be read any further."""

    def __init__(self, line: int, code: str, message: str, remedy: str, column: str = "") -> None:
        super().__init__(message)
        self.problem = LineProblem(line, column, code, message, remedy)


def _whole(text: str) -> LineProblem | None:
    if not text.strip():
        return LineProblem(0, "", "empty", "The file is empty.", "Its first line names the columns: Name,Key.")
    if len(text) > MOST_CHARACTERS:
        message = f"The file is longer than {MOST_CHARACTERS:,} characters."
        return LineProblem(0, "", "too_large", message, "Split it into several files.")
    if "\x00" in text:
        return LineProblem(0, "", "encoding", "The file is not plain text in UTF-8.", "Save it as CSV in UTF-8.")
    return None


def _records(text: str) -> Iterator[tuple[int, dict[str, str] | LineProblem]]:
    """Each record as column -> cell, with the number of the line where it begins. Empty lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            message = "A quotation mark is never closed, or stands inside a cell that has none around it."
            remedy = 'Put the cell in double quotes, and write a quote inside it twice: "".'
            raise _Broken(number, "quotes", message, remedy) from None
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _header(number, cells)
            continue
        cells = _single_quoted(cells)
        if len(cells) > len(columns):
            message = f"This line has {len(cells)} cells, the header {len(columns)}."
            remedy = 'Put several plans in quotes: "gold,silver".'
            yield number, LineProblem(number, "UsagePlanIds", "cells", message, remedy)
            continue
        cells += [""] * (len(columns) - len(cells))
        yield number, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}


def _header(number: int, cells: list[str]) -> list[str]:
    for sign, words in ((";", "semicolons"), ("\t", "tabs")):
        if len(cells) == 1 and sign in cells[0]:
            remedy = "Save it as CSV separated by commas; some spreadsheets choose by the language they are set to."
            raise _Broken(number, "separator", f"The file separates its columns by {words}.", remedy)
    columns = [NAMES.get(cell.strip().lower(), "") for cell in cells]
    for name in ("Name", "Key"):
        if name not in columns:
            # The line is not repeated: without a header it holds a key.
            message = f"The first line has no column {name}."
            raise _Broken(number, "header", message, "It names the columns: Name,Key.", name)
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice:
        raise _Broken(number, "header", f"There are two columns {twice}.", "Leave out one of them.", twice)
    return columns


def _single_quoted(cells: list[str]) -> list[str]:
    """Cells in single quotes, which the format allows around plans and which CSV does not know."""
    joined: list[str] = []
    open_quote = False
    for cell in cells:
        if open_quote:
            joined[-1] += f",{cell}"
        else:
            joined.append(cell)
        text = joined[-1].strip()
        open_quote = text.startswith("'") and (len(text) == 1 or not text.endswith("'"))
    if open_quote:
        return cells
    return [text[1:-1] if len(text := cell.strip()) > 1 and text[0] == text[-1] == "'" else cell for cell in joined]


def _line(number: int, cells: dict[str, str]) -> tuple[KeyLine | None, list[LineProblem]]:
    problems = []

    def wrong(column: str, code: str, message: str, remedy: str) -> None:
        problems.append(LineProblem(number, column, code, message, remedy))

    name, key = cells["Name"], cells["Key"]
    enabled = cells.get("Enabled", "").lower()
    plans = tuple(dict.fromkeys(plan.strip() for plan in cells.get("UsagePlanIds", "").split(",") if plan.strip()))
    line = KeyLine(number, name, key, cells.get("Description", ""), enabled in YES, plans)
    if enabled in NO:
        return line, problems
    if not name:
        wrong("Name", "required", "The name is missing.", "Say whose key it is.")
    elif len(name) > LONGEST_NAME or not name.isprintable():
        wrong("Name", "invalid", f"A name has up to {LONGEST_NAME} printable characters.", "Shorten it.")
    if not key:
        wrong("Key", "required", "The key is missing.", "Export the file with key values, or leave out the line.")
    elif found := api_keys.fault(key):
        wrong("Key", *found, "Correct it, or leave out the line and make a new key.")
    if enabled not in YES:
        wrong("Enabled", "invalid", "This is neither true nor false.", "Use TRUE or FALSE.")
    return line if key else None, problems
