"""Which route answers a method and a path: OpenAPI-like templates, compiled once per configuration version.

A template is `/articles/{id}` or `/files/{rest+}`; a parameter takes one whole segment that is not empty, `{rest+}`
takes what remains after the slash, which may be nothing. Of the routes that fit a path and a method wins

1. the one with the lowest `priority`,
2. then, segment by segment from the left, a literal before a parameter before `{rest+}`,
3. then the one whose slug sorts first.

Paths stay percent-encoded while they are matched, so `%2F` never becomes a separator. Escapes of letters, digits and
`-._~` mean the same as the characters themselves (RFC 3986, section 6.2.2.2) and are matched as such.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar
from urllib.parse import quote, unquote, unquote_to_bytes

import msgspec

T = TypeVar("T")

# What a segment may hold unescaped: RFC 3986 pchar.
SEGMENT_SAFE = "-._~!$&'()*+,;=:@"
_PLAIN = re.compile(rf"[A-Za-z0-9{re.escape(SEGMENT_SAFE)}]*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)(\+?)\}")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
LITERAL, PARAMETER, REST = range(3)


class TemplateError(ValueError):
    """A route's path cannot be used; the message names the part and the remedy."""


class PathError(ValueError):
    """A request's path is not one that two hosts would read alike; the message says why."""


class Segment(msgspec.Struct, frozen=True):
    kind: int
    text: str


class Template(msgspec.Struct, frozen=True):
    """A parsed path template; literals are held as they look in a canonical request path."""

    segments: tuple[Segment, ...]
    pieces: tuple[tuple[int, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment.text for segment in self.segments if segment.kind != LITERAL)

    def fill(self, parameters: Mapping[str, str]) -> str:
        """The path with raw (still escaped) parameter values put in, escaped anew."""
        return "".join([text if kind == LITERAL else _filled(kind, parameters[text]) for kind, text in self.pieces])


def _filled(kind: int, raw: str) -> str:
    if kind == PARAMETER:
        return escape(raw)
    return "/".join([escape(part) for part in raw.split("/")])


def _pieces(segments: Iterable[Segment]) -> tuple[tuple[int, str], ...]:
    """The path in as few pieces as it can be put together from: neighbouring literals and their slashes are one."""
    pieces: list[tuple[int, str]] = []
    literal = ""
    for segment in segments:
        literal += "/"
        if segment.kind == LITERAL:
            literal += segment.text
        else:
            pieces += [(LITERAL, literal), (segment.kind, segment.text)]
            literal = ""
    return (*pieces, (LITERAL, literal)) if literal else tuple(pieces)


def parse_template(path: str) -> Template:
    if not path.startswith("/"):
        raise TemplateError(f"{path!r} does not begin with a slash; write /{path}.")
    words = path[1:].split("/")
    segments: list[Segment] = []
    seen: set[str] = set()
    for index, word in enumerate(words):
        last = index == len(words) - 1
        parameter = _PARAMETER.fullmatch(word)
        if parameter is None:
            segments.append(Segment(LITERAL, _literal(path, word, last)))
            continue
        name, plus = parameter.groups()
        if plus and not last:
            raise TemplateError(f"{{{name}+}} takes the remainder of {path!r}, so it must come last.")
        if name in seen:
            raise TemplateError(f"{{{name}}} occurs twice in {path!r}; give each parameter a name of its own.")
        seen.add(name)
        segments.append(Segment(REST if plus else PARAMETER, name))
    return Template(tuple(segments), _pieces(segments))


def _literal(path: str, word: str, last: bool) -> str:
    if "{" in word or "}" in word:
        raise TemplateError(f"{word!r} in {path!r}: a parameter takes a whole segment, as in /articles/{{id}}.")
    if "?" in word or "#" in word:
        raise TemplateError(f"{word!r} in {path!r}: a path ends before ? and #; the query is passed on as it is.")
    if not word and not last:
        raise TemplateError(f"{path!r} holds an empty segment; such requests are refused.")
    if _BROKEN_ESCAPE.search(word):
        raise TemplateError(f"{word!r} in {path!r}: % must be followed by two hexadecimal digits.")
    canonical = escape(word)
    if _is_dots(canonical):
        raise TemplateError(f"{path!r} holds a dot segment; such requests are refused.")
    return canonical


def escape(raw: str) -> str:
    """A segment in canonical form: what may stand unescaped does, every other byte is %XX in capitals."""
    if (raw.isascii() and raw.isalnum()) or _PLAIN.fullmatch(raw):
        return raw
    return quote(unquote_to_bytes(raw), safe=SEGMENT_SAFE)


def decode(raw: str) -> str:
    """The text that a raw parameter stands for; bytes that are not UTF-8 become U+FFFD."""
    return unquote(raw) if "%" in raw else raw


def canonical(path: str) -> str:
    """The path to match for a raw request path; PathError when hosts could read it in different ways.

    Dot segments and empty segments are refused rather than resolved, hidden ones (`%2e%2e`, `a%2F..%2Fb`) too: a
    downstream that resolves them would serve another path than the one that was matched. A trailing slash is kept.
    """
    if "%" not in path and "//" not in path and "/." not in path and "\\" not in path:
        if not path.startswith("/"):
            raise PathError("The path does not begin with a slash.")
        return path
    if not path.startswith("/"):
        raise PathError("The path does not begin with a slash.")
    if _BROKEN_ESCAPE.search(path):
        raise PathError("A % in the path is not followed by two hexadecimal digits.")
    if "//" in path:
        raise PathError("The path holds an empty segment (//).")
    if "\\" in path:
        raise PathError("The path holds a backslash; escape it as %5C.")
    path = _ESCAPE.sub(_canonical_escape, path)
    if any(_is_dots(segment) for segment in path.split("/")):
        raise PathError("The path holds a dot segment (. or ..).")
    return path


def _canonical_escape(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code in _UNRESERVED else match[0].upper()


def _is_dots(segment: str) -> bool:
    if "." not in segment:
        return False
    return any(part in (".", "..") for part in unquote(segment).replace("\\", "/").split("/"))


class Candidate(Generic[T]):
    """One route as the matcher sees it; a route that serves GET serves HEAD. ValueError when its path is unusable."""

    __slots__ = ("_rest", "_slots", "methods", "priority", "slug", "template", "value")

    def __init__(self, slug: str, methods: Iterable[str], path: str, priority: int, value: T) -> None:
        self.slug, self.priority, self.value = slug, priority, value
        self.template = parse_template(path)
        offered = {method.upper() for method in methods}
        self.methods = frozenset(offered | {"HEAD"} if "GET" in offered else offered)
        segments = self.template.segments
        self._slots = [(at, part.text) for at, part in enumerate(segments, 1) if part.kind == PARAMETER]
        self._rest = (len(segments), segments[-1].text) if segments[-1].kind == REST else None

    def taken(self, parts: list[str]) -> tuple[T, dict[str, str]]:
        """The value, and the raw parameters from a path split at its slashes (the first part is empty)."""
        parameters = {}
        for at, name in self._slots:
            parameters[name] = parts[at]
        if self._rest is not None:
            at, name = self._rest
            parameters[name] = "/".join(parts[at:])
        return self.value, parameters


class _Node(Generic[T]):
    """One segment's place in the tree; candidates by method, the first of equal rank having been kept."""

    __slots__ = ("ends", "literals", "parameter", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.ends: dict[str, Candidate[T]] = {}
        self.rest: dict[str, Candidate[T]] = {}

    def grow(self, candidate: Candidate[T]) -> None:
        node, leaf = self, "ends"
        for segment in candidate.template.segments:
            if segment.kind == REST:
                leaf = "rest"
            elif segment.kind == LITERAL:
                node = node.literals.setdefault(segment.text, _Node())
            else:
                node.parameter = node = node.parameter or _Node()
        _offer(node.rest if leaf == "rest" else node.ends, candidate)

    def find(self, method: str, parts: list[str]) -> Candidate[T] | None:
        """Walk to the most specific candidate; what was passed by is kept, the least specific at the bottom."""
        node, at, end = self, 1, len(parts)
        passed: list[tuple[_Node[T], int]] = []
        while True:
            if at == end:
                if method in node.ends:
                    return node.ends[method]
            else:
                part = parts[at]
                if node.rest:
                    passed.append((node, 0))
                literal = node.literals.get(part)
                parameter = node.parameter if part else None
                if literal is not None:
                    if parameter is not None:
                        passed.append((parameter, at + 1))
                    node, at = literal, at + 1
                    continue
                if parameter is not None:
                    node, at = parameter, at + 1
                    continue
            while True:
                if not passed:
                    return None
                node, at = passed.pop()
                if at:
                    break
                if method in node.rest:
                    return node.rest[method]

    def methods(self, parts: list[str], at: int = 1) -> set[str]:
        """Every method that is answered at a path."""
        if at == len(parts):
            return set(self.ends)
        offered = set(self.rest)
        if parts[at] in self.literals:
            offered |= self.literals[parts[at]].methods(parts, at + 1)
        if self.parameter is not None and parts[at]:
            offered |= self.parameter.methods(parts, at + 1)
        return offered


def _offer(place: dict[str, Candidate[T]], candidate: Candidate[T]) -> None:
    for method in candidate.methods:
        place.setdefault(method, candidate)


class Matcher(Generic[T]):
    """Frozen once built: literal paths by dictionary, templates by a tree of segments, one of each per priority."""

    __slots__ = ("_tiers",)

    def __init__(self, candidates: Iterable[Candidate[T]]) -> None:
        tiers: dict[int, tuple[dict[str, dict[str, Candidate[T]]], _Node[T]]] = {}
        for candidate in sorted(candidates, key=lambda candidate: (candidate.priority, candidate.slug)):
            literals, tree = tiers.setdefault(candidate.priority, ({}, _Node()))
            if candidate.template.names:
                tree.grow(candidate)
            else:
                _offer(literals.setdefault(candidate.template.fill({}), {}), candidate)
        self._tiers = tuple(tiers.values())

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """The value of the route that answers, and its raw parameters; `path` is canonical."""
        parts: list[str] | None = None
        for literals, tree in self._tiers:
            if path in literals and method in literals[path]:
                return literals[path][method].value, {}
            if parts is None:
                parts = path.split("/")
            candidate = tree.find(method, parts)
            if candidate is not None:
                return candidate.taken(parts)
        return None

    def methods(self, path: str) -> frozenset[str]:
        """Every method that some route answers at `path`; empty when no route knows the path."""
        parts = path.split("/")
        offered: set[str] = set()
        for literals, tree in self._tiers:
            offered |= set(literals.get(path, ())) | tree.methods(parts)
        return frozenset(offered)
