"""The items of a Map: from ItemsPath, Items, the state's input, or an ItemReader's data."""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.dataflow import Field
from compositions.asl.deadlines import call_within
from compositions.asl.errors import StatesError, Unserved
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Expression, Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.paths import Missing, Path
from compositions.asl.ports import TaskCall
from compositions.asl.states.reading import read
from compositions.asl.templates import compile_template
from compositions.asl.values import Json, opened, text

Item = Mapping[str, Json]  # as the context object shows it: Index, Value, Source, and Key for a member of an object
_STATE_DATA: Final = "STATE_DATA"


class Items:
    __slots__ = ("_dynamic", "_is_jsonata", "_path", "_reader")

    def __init__(self, state: Mapping[str, Json], is_jsonata: bool) -> None:
        self._is_jsonata = is_jsonata
        self._reader = _Reader(state["ItemReader"], is_jsonata) if "ItemReader" in state else None
        self._dynamic: Any = compile_dynamic(state["Items"], "Items") if is_jsonata and "Items" in state else None
        path = state.get("ItemsPath", "$")
        self._path = None if is_jsonata else Path(path)

    async def given(self, frame: Frame, raw: Json, taken: Json) -> list[Item]:
        source = _STATE_DATA
        if self._reader is not None:
            found, source = await self._reader.items(frame, raw, taken)
        elif self._is_jsonata:
            found = await self._expressed(frame, raw)
        else:
            found = self._referred(frame, taken)
        if isinstance(found, dict):
            return [
                {"Index": i, "Key": key, "Value": value, "Source": source}
                for i, (key, value) in enumerate(found.items())
            ]
        return [{"Index": i, "Value": value, "Source": source} for i, value in enumerate(found)]

    async def _expressed(self, frame: Frame, raw: Json) -> Json:
        if isinstance(self._dynamic, Expression):
            return await self._dynamic.value_of(Given(frame, input=raw), "array")
        found = opened(raw if self._dynamic is None else await self._dynamic.value(Given(frame, input=raw)))
        if not isinstance(found, list):
            raise StatesError(errors.QUERY_EVALUATION_ERROR, f"Map state input must be an array but was: {text(found)}")
        return found

    def _referred(self, frame: Frame, taken: Json) -> Json:
        path = self._path
        assert path is not None
        found = opened(path.find(taken, frame))
        if isinstance(found, Missing):
            last = path.segments[-1] if path.segments else path.text
            raise StatesError(errors.REFERENCE_PATH_CONFLICT, f'Unable to apply step "{last}" to input {text(taken)}')
        if not isinstance(found, list):
            raise errors.runtime(f'Reference path "{path.text}" must point to array.')
        return found


class _Reader:
    """ItemReader: the port gives the data, parsed already or as text; ReaderConfig says how to read and how much."""

    __slots__ = ("_arguments", "_config", "_is_jsonata", "_most", "_resource")

    def __init__(self, reader: Mapping[str, Json], is_jsonata: bool) -> None:
        self._is_jsonata = is_jsonata
        self._resource: str = reader["Resource"]
        self._config: Mapping[str, Json] = reader.get("ReaderConfig", {})
        self._most = Field(self._config, "MaxItems", is_jsonata, "ItemReader/ReaderConfig/MaxItems")
        given = reader.get("Arguments" if is_jsonata else "Parameters", {})
        self._arguments: Any = compile_dynamic(given, "ItemReader/Arguments") if is_jsonata else compile_template(given)

    async def items(self, frame: Frame, raw: Json, taken: Json) -> tuple[Json, str]:
        """The items and where they come from."""
        if self._is_jsonata:
            parameters = await self._arguments.value(Given(frame, input=raw))
        else:
            parameters = self._arguments.fill(taken, frame)
        most = await self._limit(frame, raw, taken)
        task = TaskCall(frame.state, self._resource, parameters, frame.place("read"))
        try:
            data = await call_within(frame, task, frame.run.ports.read_items)
        except Unserved as error:
            raise StatesError(errors.ITEM_READER_FAILED, str(error), told=True) from None
        try:
            found = read(opened(data), self._config)
        except ValueError as error:
            raise StatesError(errors.ITEM_READER_FAILED, str(error), told=True) from None
        if most:
            found = dict(list(found.items())[:most]) if isinstance(found, dict) else found[:most]
        return found, _source(parameters)

    async def _limit(self, frame: Frame, raw: Json, taken: Json) -> int:
        if not self._most.is_given:
            return 0
        value = await self._most.value(frame, raw, taken, "integer")
        try:
            most = int(value)
        except (TypeError, ValueError):
            raise errors.runtime(f"MaxItems must be an integer, not {text(value)}") from None
        if most < 0:
            raise StatesError(errors.ITEM_READER_FAILED, "field MaxItems must be positive", told=True)
        return most


def _source(parameters: Json) -> str:
    """How the context object names what an ItemReader read: its bucket, with its object where it reads one."""
    given = parameters if isinstance(parameters, dict) else {}
    named = [name for name in (given.get("Bucket"), given.get("Key")) if isinstance(name, str)]
    return f"S3://{'/'.join(named)}" if named else _STATE_DATA
