"""A JSONPath compiled once: reference paths are walked by hand, the rest is given to an RFC 9535 engine.

A path that may match several places answers a list, empty where nothing matches, as Step Functions does.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from jsonpath_rfc9535 import JSONPathEnvironment
from jsonpath_rfc9535.exceptions import JSONPathError

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.paths.parsing import CONTEXT, INPUT, PathError, Segment, Wild, normal, parse
from compositions.asl.values import Json, opened, plain


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


_ENGINE: Final = JSONPathEnvironment()
for _function in ("match", "search"):  # Step Functions has no regular expressions in filters, and they may run for ever
    del _ENGINE.function_extensions[_function]


class Path:
    """A compiled path. `find(value, around)` answers the value, MISSING or BEYOND."""

    __slots__ = ("_query", "is_reference", "root", "segments", "text", "variable")

    def __init__(self, text: str) -> None:
        parsed = parse(text)
        self.text = text
        self.root = parsed.root
        self.variable = parsed.variable
        self.is_reference = parsed.is_reference
        self.segments: tuple[Segment, ...] = parsed.segments
        self._query: Any = None
        if not self.is_reference:
            first = next(i for i, segment in enumerate(self.segments) if isinstance(segment, Wild))
            rest = "$" + "".join(s.query if isinstance(s, Wild) else normal((s,))[1:] for s in self.segments[first:])
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
            return self._query.find(plain(found)).values()
        except (JSONPathError, RecursionError) as error:
            raise errors.runtime(f"Invalid path '{self.text}' : {error}") from error

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
