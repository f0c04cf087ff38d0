"""ResultWriter: the results of a Map handed to a port, whose answer takes their place."""

from collections.abc import Mapping
from typing import Any

from compositions.asl import errors
from compositions.asl.deadlines import call_within
from compositions.asl.errors import StatesError, Unserved
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.ports import TaskCall
from compositions.asl.templates import compile_template
from compositions.asl.values import Json, opened


class Writer:
    __slots__ = ("_arguments", "_is_jsonata", "_resource", "_transformation")

    def __init__(self, writer: Mapping[str, Json], is_jsonata: bool) -> None:
        self._is_jsonata = is_jsonata
        self._resource: str | None = writer.get("Resource")
        self._transformation = writer.get("WriterConfig", {}).get("Transformation", "NONE")
        given = writer.get("Arguments" if is_jsonata else "Parameters", {})
        self._arguments: Any = (
            compile_dynamic(given, "ResultWriter/Arguments") if is_jsonata else compile_template(given)
        )

    async def written(self, frame: Frame, state: str, raw: Json, taken: Json, results: Json) -> Json:
        if self._transformation == "FLATTEN":
            several = map(opened, results)
            results = [item for result in several for item in (result if isinstance(result, list) else [result])]
        if self._resource is None:
            return results
        if self._is_jsonata:
            parameters = await self._arguments.value(Given(frame, input=raw))
        else:
            parameters = self._arguments.fill(taken, frame)

        async def write(task: TaskCall) -> Json:
            return await frame.run.ports.write_results(task, results)

        try:
            return await call_within(frame, TaskCall(state, self._resource, parameters, frame.place("write")), write)
        except Unserved as error:
            raise StatesError(errors.RESULT_WRITER_FAILED, str(error), told=True) from None
