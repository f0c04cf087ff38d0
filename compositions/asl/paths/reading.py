"""A JSONPath compiled once: reference paths are walked by hand, the rest is given to an RFC 9535 engine.

A path that may match several places answers a list, empty where nothing matches, as Step Functions does.
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, Protocol

from jsonpath_rfc9535 import JSONPathEnvironment
from jsonpath_rfc9535.exceptions import JSONPathError
from jsonpath_rfc9535.node import JSONPathNode

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.paths.parsing import CONTEXT, INPUT, PathError, Segment, Wild, normal, parse
from compositions.asl.values import Json, exceeds, opened, plain


class Missing:
    """What a path answers where there is nothing."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
BEYOND: Final = Missing()  # an index after the end of an array: a template takes it for null


class Surroundings(Protocol):
    """What a path may read besides the state's input."""

    variables: Mapping[str, Json]

    def context(self) -> Mapping[str, Json]: ...


_MOST_MATCHES: Final = 50_000
_MOST_SEARCHED: Final = 4096
_SEARCHING: Final = re.compile(r"\?.*(\$|\.\.)")  # a filter that looks at more than what it filters
_ENGINE: Final = JSONPathEnvironment()
for _function in ("match", "search"):  # Step Functions has no regular expressions in filters, and they may run for ever
    del _ENGINE.function_extensions[_function]


class Path:
    """A compiled path. `find(value, around)` answers the value, MISSING or BEYOND."""

    __slots__ = ("_query", "_searches", "is_reference", "root", "segments", "text", "variable")

    def __init__(self, text: str) -> None:
        parsed = parse(text)
        self.text = text
        self.root = parsed.root
        self.variable = parsed.variable
        self.is_reference = parsed.is_reference
        self.segments: tuple[Segment, ...] = parsed.segments
        self._query: Any = None
        self._searches = False
        if not self.is_reference:
            first = next(i for i, segment in enumerate(self.segments) if isinstance(segment, Wild))
            rest = "$" + "".join(s.query if isinstance(s, Wild) else normal((s,))[1:] for s in self.segments[first:])
            self._searches = bool(_SEARCHING.search(rest, 1))
            try:
                self._query = _ENGINE.compile(rest)
            except JSONPathError as error:
                raise PathError(f"{text!r}: {error}") from error
            self.segments = self.segments[:first]

    def find(self, value: Json, around: Surroundings) -> Json:
        if self.root is not INPUT:
            value = around.context() if self.root is CONTEXT else around.variables.get(self.variable, MISSING)
        found = walk(value, self.segments)
        if self._query is None:
            return found
        if isinstance(found, Missing):
            return []
        try:
            return self._matches(plain(found))
        except (JSONPathError, RecursionError) as error:
            raise errors.runtime(f"Invalid path '{self.text}' : {error}") from error

    def _matches(self, value: Json) -> list[Json]:
        if self._searches and exceeds(value, _MOST_SEARCHED):
            raise errors.runtime(f"Invalid path '{self.text}' : it searches the whole input for each of its parts.")
        found = [value]
        for segment in self._query.segments:
            nodes = (JSONPathNode(value=part, location=(), parent=None, root=value) for part in found)
            found = [node.value for node in islice(segment.resolve(nodes), _MOST_MATCHES + 1)]
            if len(found) > _MOST_MATCHES:
                raise errors.runtime(f"Invalid path '{self.text}' : it matches more than {_MOST_MATCHES} places.")
        return found

    def need(self, value: Json, around: Surroundings) -> Json:
        """The value, or the error that InputPath, OutputPath and the ...Path fields raise."""
        found = self.find(value, around)
        if isinstance(found, Missing):
            raise StatesError(errors.RUNTIME, f"Invalid path '{self.text}' : {self._nothing(value, around)}")
        return found

    def _nothing(self, value: Json, around: Surroundings) -> str:
        if self.root is not INPUT:
            value = around.context() if self.root is CONTEXT else around.variables.get(self.variable, MISSING)
        for i in range(1, len(self.segments)):
            if isinstance(walk(value, self.segments[:i]), Missing):
                return f"Missing property in path {normal(self.segments[:i])}"
        return f"No results for path: {normal(self.segments)}"


def walk(value: Json, segments: tuple[Segment, ...]) -> Json:
    for segment in segments:
        if type(segment) is str:
            if not isinstance(value, dict):
                value = opened(value)
            if not isinstance(value, dict) or segment not in value:
                return MISSING
            value = value[segment]
        else:
            if not isinstance(value, list):
                value = opened(value)
            if not isinstance(value, list):
                return MISSING
            if not -len(value) <= segment < len(value):  # type: ignore[operator]
                return BEYOND
            value = value[segment]  # type: ignore[index]
    return value
