"""What a run did, state by state, for whoever tries a composition or looks at a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from compositions.asl.ports import Key, Place
from compositions.asl.values import Json
from compositions.resources.context import Met

from .places import state_path


class Step(msgspec.Struct):
    """One visit of a state. `path` is its place in the definition (as in the outline); `number` counts visits from 1,
    `item` tells which items of the Maps around it. Times in ms since the run began; `ended_ms` None: cut off.
    """

    path: str
    name: str
    number: int
    item: tuple[int, ...]
    input: Json
    started_ms: float
    output: Json = None
    ended_ms: float | None = None
    attempts: int = 1
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    next: str | None = None
    met: list[Met] = []


class Trace:
    def __init__(self, definition: Mapping[str, Json]) -> None:
        self._definition = definition
        self._began = time.monotonic()
        self._steps: dict[Key, Step] = {}

    def record(self, place: Place, told: Mapping[str, Any]) -> None:
        step = self._steps.get(place.path)
        if place.what == "entered" and place.path:
            name, number = place.path[-1]
            path, item = state_path(place.path, self._definition)
            self._steps[place.path] = Step(path, name, number, item, told["input"], self._now_ms())
        elif step is None:
            return
        elif place.what == "exited":
            step.output, step.next, step.ended_ms = told["output"], told["next"], self._now_ms()
            step.status = "CAUGHT" if step.error is not None and step.status == "CAUGHT" else "SUCCEEDED"
        elif place.what in ("failed", "caught", "retrying"):
            step.error, step.cause = told["error"], told["cause"]
            if place.what == "retrying":
                step.attempts += 1
            else:
                step.status = "CAUGHT" if place.what == "caught" else "FAILED"
                step.ended_ms = self._now_ms()

    def steps(self, met: Iterable[Met]) -> list[Step]:
        """All visits in the order in which they began, each with the calls that were made for it."""
        for call in met:
            step = self._steps.get(call.place)
            if step is not None:
                step.met.append(call)
        for step in self._steps.values():
            if step.status == "RUNNING":
                step.status = "CANCELLED"
        return list(self._steps.values())

    def _now_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000
