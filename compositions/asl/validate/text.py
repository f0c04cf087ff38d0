"""A definition's JSON text: read as AWS reads it, and where in it each value stands.

Reading is the standard library's; the pass that finds lines and columns runs only when there is something to show.
"""

import json
import re
from bisect import bisect_right
from typing import Any, Final, NoReturn

import msgspec

from compositions.asl.validate.problems import Parts
from compositions.asl.values import Json

_TOKEN: Final = re.compile(r"""[\s\ufeff]*([{}\[\],:]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}\[\],:"]+)""", re.S)

_MANY_DIGITS: Final = re.compile(r"\d{4301}")


class TextError(ValueError):
    """The text is not JSON; line and column count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class TooDeep(ValueError):
    """The text nests deeper than the reader goes."""


class Duplicate(msgspec.Struct, frozen=True):
    parts: Parts
    line: int
    column: int


def read(text: str) -> tuple[Json, bool]:
    """The value, and whether some object has a name twice (the last one counts)."""
    twice = False

    def record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        made = dict(pairs)
        twice = twice or len(made) != len(pairs)
        return made

    def constant(word: str) -> NoReturn:
        raise TextError(f"{word} is not a JSON value. Write a number, or null.", *_token_at(text, word))

    try:
        return json.loads(text, object_pairs_hook=record, parse_constant=constant), twice
    except json.JSONDecodeError as error:
        raise TextError(f"{error.msg}. Mend the JSON there.", *Lines(text).at(error.pos)) from None
    except RecursionError:
        raise TooDeep from None
    except ValueError as error:
        if isinstance(error, TextError):
            raise
        found = _MANY_DIGITS.search(text)
        place = Lines(text).at(found.start() if found else 0)
        raise TextError("A number has too many digits. Shorten it, or write it as a string.", *place) from None


def _token_at(text: str, word: str) -> tuple[int, int]:
    """Where a word first stands outside of strings."""
    starts = (found.start(1) for found in _TOKEN.finditer(text) if found[1] == word)
    return Lines(text).at(next(starts, 0))


class Lines:
    """Lines and columns of offsets into a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class _Open:
    """An array or object that is being read."""

    __slots__ = ("index", "is_object", "name", "name_at", "names", "parts")

    def __init__(self, parts: Parts, is_object: bool) -> None:
        self.parts = parts
        self.is_object = is_object
        self.index = 0
        self.name: str | None = None
        self.name_at = 0
        self.names: set[str] = set()


class Places:
    """Where the values of a JSON text stand. The text must be one that `read` takes."""

    def __init__(self, text: str) -> None:
        self._lines = Lines(text)
        self._names: dict[Parts, int] = {}
        self._values: dict[Parts, int] = {}
        self.duplicates: list[Duplicate] = []
        self._scan(text)

    def find(self, parts: Parts, *, by_name: bool) -> tuple[int, int]:
        """Line and column of a value, or of its name; where there is none, of what is around it."""
        while parts and parts not in self._values:
            parts, by_name = parts[:-1], False
        offset = self._names.get(parts) if by_name else None
        return self._lines.at(self._values.get(parts, 0) if offset is None else offset)

    def _scan(self, text: str) -> None:
        opened: list[_Open] = []
        at = 0
        while found := _TOKEN.match(text, at):
            at, start, token = found.end(), found.start(1), found[1]
            around = opened[-1] if opened else None
            if token in "}]":
                opened.pop()
            elif token == ",":
                if around is not None and not around.is_object:
                    around.index += 1
            elif token == ":":
                continue
            elif around is not None and around.is_object and around.name is None:
                self._named(around, json.loads(token) if "\\" in token else token[1:-1], start)
            else:
                self._valued(opened, around, token, start)

    def _named(self, around: _Open, name: str, start: int) -> None:
        around.name, around.name_at = name, start
        if name in around.names:
            self.duplicates.append(Duplicate((*around.parts, name), *self._lines.at(start)))
        around.names.add(name)

    def _valued(self, opened: list[_Open], around: _Open | None, token: str, start: int) -> None:
        container = token in "{["
        parts: Parts = ()
        place = start
        if around is not None and around.is_object:
            parts = (*around.parts, around.name or "")
            self._names[parts] = around.name_at
            place = around.name_at if container else start  # an object is found by its name
            around.name = None
        elif around is not None:
            parts = (*around.parts, around.index)
        self._values[parts] = place
        if container:
            opened.append(_Open(parts, token == "{"))
