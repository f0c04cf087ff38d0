"""Task: calls its Resource through the port, within its time limits."""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.dataflow import Field, PathFlow, flow_of
from compositions.asl.deadlines import call_within, translated
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.guarded import Guarded
from compositions.asl.intrinsics.functions import draw_uuid
from compositions.asl.jsonata import Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.limits import check_payload
from compositions.asl.ports import TaskCall
from compositions.asl.states.compiling import Compiling
from compositions.asl.templates import compile_template
from compositions.asl.values import Json, is_number, text

_FOREVER_S: Final = 99_999_999


class Task(Guarded):
    __slots__ = ("_credentials", "_heartbeat", "_needs_token", "_of", "_timeout", "name", "resource")

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        super().__init__(state, flow_of(state, compiling.is_jsonata), compiling.reads_context)
        self.name = compiling.name
        self.resource: str = state["Resource"]
        self._timeout = Field(state, "TimeoutSeconds", compiling.is_jsonata)
        self._heartbeat = Field(state, "HeartbeatSeconds", compiling.is_jsonata)
        self._needs_token = self.resource.endswith(".waitForTaskToken") or "Task.Token" in text(state)
        self._credentials: Any = None
        if "Credentials" in state:
            given = state["Credentials"]
            self._credentials = (
                compile_dynamic(given, "Credentials") if compiling.is_jsonata else compile_template(given)
            )
        self._of = _service(self.resource)

    async def attempt(self, frame: Frame, raw: Json) -> Json:
        flow = self.flow
        if self._needs_token:
            frame.token = draw_uuid(frame.draw).replace("-", "")
        taken = flow.take(frame, raw)
        # Each await of what is not there costs as much as the rest of a small state.
        timeout = await self._limit(frame, raw, taken, self._timeout) if self._timeout.is_given else None
        heartbeat = await self._limit(frame, raw, taken, self._heartbeat) if self._heartbeat.is_given else None
        call = TaskCall(
            self.name,
            self.resource,
            flow.filled(frame, taken) if isinstance(flow, PathFlow) else await flow.arguments(frame, raw, taken),
            frame.place("call"),
            timeout_s=timeout,
            heartbeat_s=heartbeat,
            token=frame.token,
            credentials=None if self._credentials is None else await self._role(frame, raw, taken),
        )
        run = frame.run
        run.events += 2
        if heartbeat is None and (timeout is None or run.ports.keeps_time):
            try:  # what call_within does, said again here: one coroutine less for each call
                result = await run.ports.call(call)
            except Exception as error:
                known = translated(error)
                if known is None:
                    raise
                raise known from error
        else:
            result = await call_within(frame, call, run.ports.call)
        run.events += 1
        if call.at_most is None or call.at_most > run.limits.payload:
            check_payload(result, self._of, run.limits.payload, final=False)
        if isinstance(flow, PathFlow):
            return flow.left(frame, raw, result)
        return await flow.leave(frame, raw, result)

    async def _limit(self, frame: Frame, raw: Json, taken: Json, field: Field) -> float | None:
        value = await field.value(frame, raw, taken, "integer")
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if not is_number(value) or value != int(value) or value <= 0:
            raise StatesError(
                errors.QUERY_EVALUATION_ERROR if self.flow.is_jsonata else errors.RUNTIME,
                f"The {field.name}{'Path' if field.path else ''} parameter must be a positive integer: "
                f"{field.path or field.name} == {text(value)}",
            )
        return None if value >= _FOREVER_S else float(value)

    async def _role(self, frame: Frame, raw: Json, taken: Json) -> Json:
        if self.flow.is_jsonata:
            return await self._credentials.value(Given(frame, input=raw))
        return self._credentials.fill(taken, frame)


def _service(resource: str) -> str:
    """How a cause names the resource: the service of an integration, else the resource itself."""
    _, mark, rest = resource.partition(":::")
    return rest.rpartition(":")[0] if mark and ":" in rest else resource
