"""The text of a JSONPath taken apart into a root and segments; reference paths are recognised here.

Forms: `$...` (the state's input), `$$...` (the context object) and `$name...` (a variable). A segment is a name, an
index, or one of the forms that may match several places (`*`, `a:b:c`, `..`, unions, filters).
"""

import re
from typing import Final

import msgspec

_NAME: Final = re.compile(
    r"[^.\[\]()'\"\s*?@,:=<>!&|~^%#;{}+/\\$-][^.\[\]()'\"*?,:=<>!&|~^#;{}\\]*|-[^.\[\]()'\"*?,:=]*"
)
_VARIABLE: Final = re.compile(r"[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*")
_INDEX: Final = re.compile(r"\s*(-?\d+)\s*\]")
_SLICE: Final = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?\]")
_QUOTED: Final = re.compile(r"\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\s*")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.S)
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

INPUT, CONTEXT, VARIABLE = "$", "$$", "$name"


class PathError(ValueError):
    """The text is not a JSONPath; the message says where it stops being one."""


class Wild(msgspec.Struct, frozen=True):
    """A segment that may match several places, in the words of RFC 9535."""

    query: str


Segment = str | int | Wild


class Parsed(msgspec.Struct, frozen=True):
    text: str
    root: str
    variable: str
    segments: tuple[Segment, ...]

    @property
    def is_reference(self) -> bool:
        """Whether the path can name only one place."""
        return not any(isinstance(segment, Wild) for segment in self.segments)


def unquoted(literal: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, literal[1:-1])


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in f"'{escaped}'")


def parse(text: str) -> Parsed:
    if not isinstance(text, str) or not text.startswith("$"):
        raise PathError("a path begins with $")
    root, variable, at = INPUT, "", 1
    if text.startswith("$$"):
        root, at = CONTEXT, 2
    elif found := _VARIABLE.match(text, 1):
        root, variable, at = VARIABLE, found[0], found.end()
    segments: list[Segment] = []
    while at < len(text):
        if text[at] == ".":
            at = _dotted(text, at, segments)
        elif text[at] == "[":
            at = _bracketed(text, at, segments)
        else:
            raise PathError(f"unexpected {text[at]!r} at {at} in {text!r}")
    return Parsed(text, root, variable, tuple(segments))


def _dotted(text: str, at: int, segments: list[Segment]) -> int:
    if text.startswith("..", at):
        if text.startswith("[", at + 2):
            end = _closing(text, at + 2)
            segments.append(Wild(".." + _rfc_filter(text[at + 2 : end])))
            return end
        if text.startswith("*", at + 2):
            segments.append(Wild("..*"))
            return at + 3
        name = _NAME.match(text, at + 2)
        if name is None:
            raise PathError(f"a name must follow .. at {at} in {text!r}")
        segments.append(Wild(f"..[{quoted(name[0].rstrip())}]"))
        return name.end()
    if text.startswith("*", at + 1):
        segments.append(Wild(".*"))
        return at + 2
    name = _NAME.match(text, at + 1)
    if name is None:
        raise PathError(f"a name must follow the dot at {at} in {text!r}")
    segments.append(name[0])
    return name.end()


def _bracketed(text: str, at: int, segments: list[Segment]) -> int:
    if found := _INDEX.match(text, at + 1):
        segments.append(int(found[1]))
        return found.end()
    if (found := _QUOTED.match(text, at + 1)) and text.startswith("]", found.end()):
        segments.append(unquoted(found[1]))
        return found.end() + 1
    end = _closing(text, at)
    if found := _SLICE.match(text, at + 1):
        segments.append(Wild(text[at:end]))
        return end
    inner = text[at + 1 : end - 1].strip()
    if inner == "*":
        segments.append(Wild("[*]"))
    elif inner.startswith("?") or "," in inner:
        segments.append(Wild(_rfc_filter(text[at:end])))
    else:
        raise PathError(f"{text[at:end]!r} in {text!r} is not an index, a name, a slice or a filter")
    return end


def _closing(text: str, at: int) -> int:
    """The place after the bracket that closes the one at `at`."""
    depth, quote = 0, ""
    i = at
    while i < len(text):
        c = text[i]
        if quote:
            if c == "\\":
                i += 1
            elif c == quote:
                quote = ""
        elif c in "'\"":
            quote = c
        elif c == "[":
            depth += 1
        elif c == "]":
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    raise PathError(f"the bracket at {at} in {text!r} is not closed")


_HYPHENATED: Final = re.compile(r"(@|\$|\])((?:\.[A-Za-z_][\w-]*)+)")


def _rfc_filter(text: str) -> str:
    """Names with a hyphen, which Step Functions takes after a dot, in the brackets that RFC 9535 asks for."""

    def bracketed(match: re.Match[str]) -> str:
        return match[1] + "".join(f"[{quoted(name)}]" for name in match[2].split(".")[1:])

    return _HYPHENATED.sub(bracketed, text)


def normal(segments: tuple[Segment, ...]) -> str:
    """The normalised path of `segments` as error messages show it: $['a'][0]."""
    shown = "".join(
        s.query if isinstance(s, Wild) else f"[{s}]" if isinstance(s, int) else f"['{s}']" for s in segments
    )
    return "$" + shown
