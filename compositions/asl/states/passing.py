"""Pass: hands on its input, a fixed Result, or what its template makes of the input."""

from collections.abc import Mapping

from compositions.asl.dataflow import flow_of
from compositions.asl.frames import Frame
from compositions.asl.states.compiling import Compiling
from compositions.asl.values import Json


class Pass:
    __slots__ = ("_flow", "_has_result", "_next", "_result", "notes_entry")

    waits = False
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._flow = flow_of(state, compiling.is_jsonata)
        self._next: str | None = state.get("Next")
        self._has_result = "Result" in state
        self._result: Json = state.get("Result")
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        flow = self._flow
        result = await flow.arguments(frame, raw, flow.take(frame, raw))
        if self._has_result:
            result = self._result
        if flow.is_jsonata and not self._has_result:
            return self._next, await flow.pass_on(frame, raw, raw)
        return self._next, await flow.leave(frame, raw, result)
