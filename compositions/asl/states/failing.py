"""Fail: the workflow ends here with an Error and a Cause, given, read by a path, or computed."""

from collections.abc import Mapping

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Expression, Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.states.compiling import Compiling
from compositions.asl.templates import Filler, reference
from compositions.asl.values import Json


class Fail:
    __slots__ = ("_cause", "_error", "notes_entry")

    waits = False
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._error = _Words(state, "Error", compiling.is_jsonata)
        self._cause = _Words(state, "Cause", compiling.is_jsonata)
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        error = await self._error.said(frame, raw)
        raise StatesError(error, await self._cause.said(frame, raw), told=True)


class _Words:
    __slots__ = ("_dynamic", "_filler", "_given", "_name")

    def __init__(self, state: Mapping[str, Json], name: str, is_jsonata: bool) -> None:
        self._name = name
        self._given: Json = state.get(name)
        self._dynamic = compile_dynamic(self._given, name) if is_jsonata and name in state else None
        path = state.get(f"{name}Path")
        self._filler: Filler | None = (
            reference(path, f"{name}Path") if isinstance(path, str) and not is_jsonata else None
        )

    async def said(self, frame: Frame, raw: Json) -> str | None:
        if isinstance(self._dynamic, Expression):
            words: Json = await self._dynamic.value_of(Given(frame, input=raw), "string")
        elif self._filler is not None:
            words = self._filler(raw, frame)
            if not isinstance(words, str):
                raise errors.runtime(f"The field '{self._name}Path' must refer to a string.")
        else:
            words = self._given
        return None if words is None else str(words)
