"""How data enters and leaves a state, in either query language.

take       what the state works on ($states.input, or what InputPath leaves)
arguments  what is sent to a Task, a branch, an item (Parameters, or Arguments)
leave      the state's output from its result, and its variables (ResultSelector, Assign, ResultPath, OutputPath;
           or Assign and Output, both evaluated with the variables as they were)
"""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.errors import InvalidDefinition, StatesError
from compositions.asl.frames import Frame
from compositions.asl.intrinsics import IntrinsicError
from compositions.asl.jsonata import Given, JsonataError
from compositions.asl.jsonata import Template as Dynamic
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.paths import Path, PathError, ResultPath
from compositions.asl.templates import Template, compile_template
from compositions.asl.values import Json, opened

SYNTAX: Final = (PathError, IntrinsicError, JsonataError)
_WHOLE: Final = "$"


class PathFlow:
    """JSONPath: InputPath, Parameters, ResultSelector, Assign, ResultPath, OutputPath."""

    __slots__ = (
        "_assign",
        "_discards",
        "_empty_input",
        "_empty_output",
        "_input",
        "_output",
        "_parameters",
        "_put",
        "_selector",
    )

    is_jsonata = False

    def __init__(self, state: Mapping[str, Json], parameters: str = "Parameters") -> None:
        self._empty_input = "InputPath" in state and state["InputPath"] is None
        self._empty_output = "OutputPath" in state and state["OutputPath"] is None
        self._discards = "ResultPath" in state and state["ResultPath"] is None
        self._input = _path(state, "InputPath")
        self._output = _path(state, "OutputPath")
        result = state.get("ResultPath", _WHOLE)
        self._put = ResultPath(result) if isinstance(result, str) and result != _WHOLE else None
        self._parameters = _template(state, parameters)
        self._selector = _template(state, "ResultSelector")
        self._assign = _template(state, "Assign")

    def take(self, frame: Frame, raw: Json) -> Json:
        if self._empty_input:
            return {}
        return raw if self._input is None else self._input.need(raw, frame)

    async def arguments(self, frame: Frame, raw: Json, taken: Json) -> Json:
        return self.filled(frame, taken)

    async def leave(self, frame: Frame, raw: Json, result: Json) -> Json:
        return self.left(frame, raw, result)

    def filled(self, frame: Frame, taken: Json) -> Json:
        """What `arguments` gives, for callers that know the language: here nothing waits."""
        return taken if self._parameters is None else self._parameters.fill(taken, frame)

    def left(self, frame: Frame, raw: Json, result: Json) -> Json:
        """What `leave` gives, likewise."""
        if self._selector is not None:
            result = self._selector.fill(result, frame)
        assigned = None if self._assign is None else self._assign.fill(result, frame)
        output = raw if self._discards else result if self._put is None else self._put.put(raw, result)
        output = self.narrowed(frame, output)
        frame.assign(assigned)
        return output

    async def pass_on(self, frame: Frame, raw: Json, taken: Json) -> Json:
        """The output of a state without a result of its own: Wait, Choice, Succeed."""
        assigned = None if self._assign is None else self._assign.fill(taken, frame)
        output = self.narrowed(frame, taken)
        frame.assign(assigned)
        return output

    def narrowed(self, frame: Frame, output: Json) -> Json:
        if self._empty_output:
            return {}
        return output if self._output is None else self._output.need(output, frame)


class JsonataFlow:
    """JSONata: Arguments, Assign, Output."""

    __slots__ = ("_arguments", "_assign", "_output")

    is_jsonata = True

    def __init__(self, state: Mapping[str, Json], prefix: str = "") -> None:
        self._arguments = _dynamic(state, "Arguments", prefix)
        self._assign = _dynamic(state, "Assign", prefix)
        self._output = _dynamic(state, "Output", prefix)

    def take(self, frame: Frame, raw: Json) -> Json:
        return raw

    async def arguments(self, frame: Frame, raw: Json, taken: Json) -> Json:
        return taken if self._arguments is None else await self._arguments.value(Given(frame, input=raw))

    async def leave(self, frame: Frame, raw: Json, result: Json) -> Json:
        if self._assign is None and self._output is None:
            return result
        return await self.settle(frame, Given(frame, input=raw, result=result), result)

    async def pass_on(self, frame: Frame, raw: Json, taken: Json) -> Json:
        if self._assign is None and self._output is None:
            return taken
        return await self.settle(frame, Given(frame, input=raw), taken)

    async def settle(self, frame: Frame, given: Given, otherwise: Json) -> Json:
        assigned = None if self._assign is None else opened(await self._assign.value(given))
        output = otherwise if self._output is None else await self._output.value(given)
        if assigned is not None and not isinstance(assigned, dict):
            raise StatesError(errors.QUERY_EVALUATION_ERROR, "The field 'Assign' must evaluate to an object.")
        frame.assign(assigned)
        return output


Flow = PathFlow | JsonataFlow


def flow_of(state: Mapping[str, Json], is_jsonata: bool, parameters: str = "Parameters") -> Flow:
    return JsonataFlow(state) if is_jsonata else PathFlow(state, parameters)


def _path(state: Mapping[str, Json], field: str) -> Path | None:
    text = state.get(field, _WHOLE)
    return Path(text) if isinstance(text, str) and text != _WHOLE else None


def _template(state: Mapping[str, Json], field: str) -> Template | None:
    return compile_template(state[field]) if field in state else None


def _dynamic(state: Mapping[str, Json], field: str, prefix: str) -> Dynamic | None:
    return compile_dynamic(state[field], prefix + field) if field in state else None


class Field:
    """A field given as a literal, as `<name>Path` in JSONPath, or as an expression in JSONata."""

    __slots__ = ("_dynamic", "_literal", "_path", "is_given", "name")

    def __init__(self, state: Mapping[str, Json], name: str, is_jsonata: bool, where: str | None = None) -> None:
        self.name = name
        self._path: Path | None = None
        self._dynamic: Any = None
        self._literal: Json = state.get(name)
        self.is_given = name in state
        if is_jsonata:
            if self.is_given and isinstance(state[name], str):
                self._dynamic = compile_dynamic(state[name], where or name)
                if not hasattr(self._dynamic, "value_of"):
                    self._dynamic = None
        elif f"{name}Path" in state:
            if not isinstance(state[f"{name}Path"], str):
                raise InvalidDefinition(f"{name}Path", "a path is wanted")
            self._path = Path(state[f"{name}Path"])
            self.is_given = True

    async def value(self, frame: Frame, raw: Json, taken: Json, *kinds: str) -> Json:
        """The value; of one of `kinds` where an expression gives it."""
        if self._dynamic is not None:
            return await self._dynamic.value_of(Given(frame, input=raw), *kinds)
        return self._literal if self._path is None else self._path.need(taken, frame)

    @property
    def path(self) -> str | None:
        return None if self._path is None else self._path.text
