"""ResultPath: a result put into a state's input at one place, without changing the input."""

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.paths.parsing import INPUT, PathError, Segment, parse
from compositions.asl.values import Json, opened, text


class ResultPath:
    """`put(input, result)` answers a new value that shares all that did not change."""

    __slots__ = ("segments", "text")

    def __init__(self, path: str) -> None:
        parsed = parse(path)
        if not parsed.is_reference or parsed.root is not INPUT:
            raise PathError(f"{path!r} is not a reference path")
        self.text = path
        self.segments: tuple[Segment, ...] = parsed.segments

    def put(self, value: Json, result: Json) -> Json:
        try:
            return _put(value, self.segments, result)
        except PathError:
            raise StatesError(
                errors.RESULT_PATH_MATCH_FAILURE, f"Unable to apply ReferencePath {self.text} to input {text(value)}"
            ) from None


def _put(value: Json, segments: tuple[Segment, ...], result: Json) -> Json:
    if not segments:
        return result
    name, rest, value = segments[0], segments[1:], opened(value)
    if isinstance(name, str):
        if not isinstance(value, dict):
            raise PathError("no object")
        return {**value, name: _put(value.get(name, {}) if rest else None, rest, result)}
    if not isinstance(value, list) or not isinstance(name, int) or not -len(value) <= name < len(value):
        raise PathError("no array, or not that long")
    changed = list(value)
    changed[name] = _put(value[name], rest, result)
    return changed
