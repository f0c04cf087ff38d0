"""A world with a journal: what a run was told is kept by its place, and the process may die after any line."""

import hashlib
from collections.abc import Mapping
from typing import Any

from compositions.asl import Checkpoint, Limits, Machine, TaskCall, run
from compositions.asl.ports import Place
from tests.compositions.asl.world import START, Failure, World

LIMITS = Limits(states=60, expression_steps=5_000)


class Died(Exception):
    """The process is gone."""


def share(*parts: object) -> float:
    """A number of [0, 1) that depends on what is given alone."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big") / (1 << 48)


class Kept:
    """What outlives a process: the journal's lines, the last checkpoint, and work that goes on outside."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, Place], Any] = {}
        self.checkpoint: Checkpoint | None = None
        self.began: dict[Place, float] = {}
        self.time = START
        self.answered: list[Place] = []


class Life(World):
    """One process: it goes on from what is kept, and dies after so many lines. What happens depends on places only."""

    quiet_turns = 60  # what is known from an earlier life is gone through before time passes

    def __init__(self, kept: Kept, lines_to_live: float = float("inf")) -> None:
        super().__init__()
        self.kept = kept
        self.left = lines_to_live
        self.time = kept.time

    async def live(self, machine: Machine, value: Any, *, from_checkpoint: bool = True) -> dict[str, Any]:
        resume = self.kept.checkpoint if from_checkpoint else None
        ends: dict[str, Any] = await self.passing(run(machine, value, self, limits=LIMITS, resume=resume))
        return ends

    def write(self, kind: str, place: Place, told: Any) -> None:
        if self.left <= 0:
            raise Died
        assert self.kept.lines.setdefault((kind, place), told) == told, (kind, place)
        self._count()

    def _count(self) -> None:
        self.left -= 1
        self.kept.time = self.time
        if self.left <= 0:
            raise Died

    async def call(self, task: TaskCall) -> Any:
        place = task.place
        answer = self.kept.lines.get(("call", place))
        if answer is None:
            began = self.kept.began.setdefault(place, self.time)
            await self._pause(began + 10 * share("takes", place) - self.time)
            answer = _answer(task)
            if task.timed_out:
                return None
            if self.left > 0:
                self.kept.answered.append(place)
            self.write("call", place, answer)
        if isinstance(answer, Failure):
            raise answer
        return answer

    async def sleep(self, seconds: float, place: Place) -> None:
        due = self.kept.lines.get(("sleep", place))
        if due is None:
            due = self.time + seconds + share("wakes", place) / 1000
            self.write("sleep", place, due)
        if due > self.time:
            await self._pause(due - self.time)

    def now(self, place: Place) -> float:
        moment: float = self.kept.lines.setdefault(("now", place), self.time)
        return moment

    def random(self, place: Place) -> float:
        return share("draw", place)

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None:
        self.write("record", place, dict(happened))

    def recall(self, place: Place) -> Mapping[str, Any] | None:
        return self.kept.lines.get(("record", place))

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        if self.left <= 0:
            raise Died
        self.kept.checkpoint = checkpoint
        self._count()


def _answer(task: TaskCall) -> Any:
    drawn = share("answers", task.place)
    if task.resource == "bad" or (task.resource == "flaky" and drawn < 0.5):
        return Failure("E1" if drawn < 0.25 else "E2")
    return {"a": round(drawn, 3), "list": [{"n": 1}, {"n": int(drawn * 4)}]}
