"""The states that may be tried again: one visit of a Task, a Parallel or a Map, with its Retry and its Catch."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from compositions.asl.dataflow import Flow
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.retries import Failures, compile_catchers, compile_retriers
from compositions.asl.values import Json


class Guarded(ABC):
    __slots__ = ("catchers", "flow", "next", "notes_entry", "retriers", "waits")

    shows_retries = True

    def __init__(self, state: Mapping[str, Json], flow: Flow, notes_entry: bool) -> None:
        self.flow = flow
        self.next: str | None = state.get("Next")
        self.retriers = compile_retriers(state)
        self.catchers = compile_catchers(state, flow.is_jsonata)
        self.notes_entry = notes_entry
        self.waits = True

    @abstractmethod
    async def attempt(self, frame: Frame, raw: Json) -> Json:
        """One try; the state's output."""

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        failures: Failures | None = None
        while True:
            try:
                return self.next, await self.attempt(frame, raw)
            except StatesError as raised:
                error = raised.at(frame.state, frame.event)
            if failures is None:
                failures = Failures()
            again = failures.retrier_for(error, self.retriers)
            if again is None:
                return await self._caught(frame, raw, error)
            retrier, used = again
            delay = retrier.delay_s(used, frame)
            await frame.record("retrying", error=error.error, cause=error.cause, delay_s=delay)
            if delay > 0:
                await frame.run.ports.sleep(delay, frame.place("retry"))
            frame.attempt += 1
            frame.retries += 1

    async def _caught(self, frame: Frame, raw: Json, error: StatesError) -> tuple[str | None, Json]:
        for catcher in self.catchers:
            if error.answers_to(catcher.names):
                told = {"error": error.error, "cause": error.cause, "next": catcher.next}
                # Told even where nothing is recorded: an answer that lacks something must not look whole.
                await frame.run.ports.record(frame.place("caught"), told)
                return catcher.next, await catcher.take(frame, raw, error)
        raise error
