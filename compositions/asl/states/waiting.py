"""Wait: goes on after so many seconds, or at a moment."""

from collections.abc import Mapping
from typing import Final

from compositions.asl import errors, timestamps
from compositions.asl.dataflow import Field, flow_of
from compositions.asl.errors import InvalidDefinition, StatesError
from compositions.asl.frames import Frame
from compositions.asl.states.compiling import Compiling
from compositions.asl.values import Json, is_number, text

_LONGEST_S: Final = 2_147_483_647


class Wait:
    __slots__ = ("_flow", "_next", "_seconds", "_timestamp", "notes_entry")

    waits = True
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._flow = flow_of(state, compiling.is_jsonata)
        self._next: str | None = state.get("Next")
        self._seconds = Field(state, "Seconds", compiling.is_jsonata)
        self._timestamp = Field(state, "Timestamp", compiling.is_jsonata)
        if self._seconds.is_given == self._timestamp.is_given:
            raise InvalidDefinition("", "a Wait needs one of Seconds, Timestamp, SecondsPath and TimestampPath")
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        taken = self._flow.take(frame, raw)
        delay = await (self._for(frame, raw, taken) if self._seconds.is_given else self._until(frame, raw, taken))
        if delay > _LONGEST_S:
            raise errors.runtime("Wait state delay is too long.")
        if delay > 0:
            await frame.run.ports.sleep(delay, frame.place("wait"))
        return self._next, await self._flow.pass_on(frame, raw, taken)

    async def _for(self, frame: Frame, raw: Json, taken: Json) -> float:
        seconds = await self._seconds.value(frame, raw, taken, "number")
        named = f"{self._shown('Seconds', self._seconds)} == {text(seconds)}"
        if isinstance(seconds, str) and seconds.strip().lstrip("+-").isdigit():
            seconds = int(seconds)
        if not is_number(seconds) or seconds != int(seconds):
            raise self._refused(
                f"The {self._name('Seconds', self._seconds)} parameter cannot be parsed as a long value: {named}"
            )
        if seconds < 0:
            raise self._refused(
                f"The {self._name('Seconds', self._seconds)} parameter references a negative value: {named}"
            )
        return float(seconds)

    async def _until(self, frame: Frame, raw: Json, taken: Json) -> float:
        given = await self._timestamp.value(frame, raw, taken, "string")
        moment = timestamps.parse(given)
        if moment is None:
            shown = given if isinstance(given, str) else text(given)
            if self._timestamp.path is None:
                raise self._refused(
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "
                    + shown
                )
            raise errors.runtime(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
                f"string: {self._timestamp.path} == {shown}"
            )
        return moment[0] + moment[1] / 1e9 - frame.run.ports.now(frame.place("wait from"))

    def _refused(self, cause: str) -> StatesError:
        return StatesError(errors.QUERY_EVALUATION_ERROR if self._flow.is_jsonata else errors.RUNTIME, cause)

    @staticmethod
    def _name(name: str, field: Field) -> str:
        return name if field.path is None else f"{name}Path"

    @staticmethod
    def _shown(name: str, field: Field) -> str:
        return name if field.path is None else field.path
