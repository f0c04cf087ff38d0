"""The text of an intrinsic function call, nested calls included, taken apart."""

import re
from typing import Final

import msgspec

from compositions.asl.paths.parsing import PathError, parse

_FUNCTION: Final = re.compile(r"States\.([A-Za-z0-9_]+)\s*\(")
_NUMBER: Final = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?")
_WORD: Final = re.compile(r"true|false|null")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
MAX_NESTING: Final = 10


class IntrinsicError(ValueError):
    """The text is not a call of an intrinsic function; the message says why."""


class Literal(msgspec.Struct, frozen=True):
    """A literal; `raw` is a string's text with its escapes, which States.Format reads."""

    value: str | int | float | bool | None
    raw: str | None = None


class PathText(msgspec.Struct, frozen=True):
    text: str


class Call(msgspec.Struct, frozen=True):
    name: str
    arguments: tuple["Argument", ...]
    text: str


Argument = Literal | PathText | Call


def parse_call(text: str) -> Call:
    call, end = _call(text, _space(text, 0), 1)
    if _space(text, end) != len(text):
        raise IntrinsicError(f"unexpected {text[end:].strip()[:20]!r} after the call")
    return call


def _space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _call(text: str, at: int, depth: int) -> tuple[Call, int]:
    if depth > MAX_NESTING:
        raise IntrinsicError(f"calls are nested deeper than {MAX_NESTING}")
    opened = _FUNCTION.match(text, at)
    if opened is None:
        raise IntrinsicError("a call has the form States.Name(arguments)")
    arguments: list[Argument] = []
    i = _space(text, opened.end())
    if text.startswith(")", i):
        return Call(opened[1], (), text[at : i + 1]), i + 1
    while True:
        argument, i = _argument(text, _space(text, i), depth)
        arguments.append(argument)
        i = _space(text, i)
        if text.startswith(")", i):
            return Call(opened[1], tuple(arguments), text[at : i + 1]), i + 1
        if not text.startswith(",", i):
            raise IntrinsicError(f"expected a comma or a closing parenthesis at {i}")
        i += 1


def _argument(text: str, at: int, depth: int) -> tuple[Argument, int]:
    if at >= len(text):
        raise IntrinsicError("the call is not closed")
    if text[at] == "'":
        return _string(text, at)
    if text[at] == "$":
        return _path(text, at)
    if text.startswith("States.", at):
        return _call(text, at, depth + 1)
    if found := _WORD.match(text, at):
        return Literal(_WORDS[found[0]]), found.end()
    if found := _NUMBER.match(text, at):
        number = found[0]
        return Literal(float(number) if any(c in number for c in ".eE") else int(number)), found.end()
    raise IntrinsicError(f"unexpected {text[at : at + 20]!r} at {at}; strings stand in single quotes")


def _string(text: str, at: int) -> tuple[Literal, int]:
    i = at + 1
    plain: list[str] = []
    while i < len(text):
        c = text[i]
        if c == "'":
            return Literal("".join(plain), text[at + 1 : i]), i + 1
        if c == "\\" and i + 1 < len(text):
            following = text[i + 1]
            plain.append(following if following in "'\\{}" else c + following)
            i += 2
            continue
        plain.append(c)
        i += 1
    raise IntrinsicError("a string is not closed")


def _path(text: str, at: int) -> tuple[PathText, int]:
    """A path ends at a comma or parenthesis outside its own brackets, quotes and parentheses."""
    depth, quote, i = 0, "", at
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "'\"" and depth:
            quote = c
        elif c in "[(":
            depth += 1
        elif c in "])" and depth:
            depth -= 1
        elif c in ",)":
            break
        i += 1
    path = text[at:i].rstrip()
    try:
        parse(path)
    except PathError as error:
        raise IntrinsicError(str(error)) from None
    return PathText(path), i
