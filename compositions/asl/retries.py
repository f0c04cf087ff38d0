"""Retry and Catch: which error is tried again, after how long, and where it goes when it is not."""

from collections.abc import Mapping
from typing import NamedTuple

from compositions.asl.dataflow import JsonataFlow
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Given
from compositions.asl.paths import ResultPath
from compositions.asl.templates import Template, compile_template
from compositions.asl.values import Json

_MAX_WAIT_S = 31_536_000.0


class Retrier(NamedTuple):
    names: tuple[str, ...]
    interval_s: float
    attempts: int
    backoff: float
    longest_s: float
    jitter: bool

    def delay_s(self, failures: int, frame: Frame) -> float:
        """Seconds before the next try, after `failures` failures that this retrier took."""
        try:
            delay = min(self.interval_s * self.backoff ** (failures - 1), self.longest_s)
        except OverflowError:
            delay = self.longest_s
        return delay * frame.draw() if self.jitter else delay


def compile_retriers(state: Mapping[str, Json]) -> tuple[Retrier, ...]:
    return tuple(
        Retrier(
            tuple(retrier["ErrorEquals"]),
            retrier.get("IntervalSeconds", 1),
            retrier.get("MaxAttempts", 3),
            retrier.get("BackoffRate", 2.0),
            retrier.get("MaxDelaySeconds", _MAX_WAIT_S),
            retrier.get("JitterStrategy") == "FULL",
        )
        for retrier in state.get("Retry", ())
    )


class Catcher:
    __slots__ = ("_assign", "_discards", "_flow", "_put", "names", "next")

    def __init__(self, catcher: Mapping[str, Json], index: int, is_jsonata: bool) -> None:
        self.names: tuple[str, ...] = tuple(catcher["ErrorEquals"])
        self.next: str = catcher["Next"]
        self._flow: JsonataFlow | None = JsonataFlow(catcher, f"Catch[{index}]/") if is_jsonata else None
        self._discards = "ResultPath" in catcher and catcher["ResultPath"] is None
        path = catcher.get("ResultPath", "$")
        self._put = ResultPath(path) if not is_jsonata and isinstance(path, str) and path != "$" else None
        self._assign: Template | None = (
            compile_template(catcher["Assign"]) if not is_jsonata and "Assign" in catcher else None
        )

    async def take(self, frame: Frame, raw: Json, error: StatesError) -> Json:
        """The output that goes on to `next`."""
        told = error.output()
        if self._flow is not None:
            return await self._flow.settle(frame, Given(frame, input=raw, errorOutput=told), told)
        assigned = None if self._assign is None else self._assign.fill(told, frame)
        output = raw if self._discards else told if self._put is None else self._put.put(raw, told)
        frame.assign(assigned)
        return output


def compile_catchers(state: Mapping[str, Json], is_jsonata: bool) -> tuple[Catcher, ...]:
    return tuple(Catcher(catcher, i, is_jsonata) for i, catcher in enumerate(state.get("Catch", ())))


class Failures:
    """How often each retrier of a state was used while the state was visited once."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: dict[int, int] = {}

    def retrier_for(self, error: StatesError, retriers: tuple[Retrier, ...]) -> tuple[Retrier, int] | None:
        """The retrier that takes the error and the number of its failures so far, or None when none does any more."""
        for i, retrier in enumerate(retriers):
            if error.answers_to(retrier.names):
                used = self._used[i] = self._used.get(i, 0) + 1
                return (retrier, used) if used <= retrier.attempts else None
        return None
