"""Succeed: the workflow ends here, with what InputPath and OutputPath leave of the input, or with Output."""

from collections.abc import Mapping

from compositions.asl.dataflow import flow_of
from compositions.asl.frames import Frame
from compositions.asl.states.compiling import Compiling
from compositions.asl.values import Json


class Succeed:
    __slots__ = ("_flow", "notes_entry")

    waits = False
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._flow = flow_of(state, compiling.is_jsonata)
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        return None, await self._flow.pass_on(frame, raw, self._flow.take(frame, raw))
