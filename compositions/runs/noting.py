"""Hands a front door's notes of runs on once a second; while the store is away they wait, in bounds."""

import asyncio

import structlog
from redis.asyncio import Redis

from compositions.asl.ports import Key
from compositions.engine.flow import Flow
from compositions.engine.places import state_path
from controlplane.kernel.valkey import Away

from .notes import RunNotes
from .store import hand_on

EVERY_S = 1.0

log = structlog.get_logger("switchgear.runs")


class Noting:
    """Begins to hear of every run of `flow` when it starts."""

    def __init__(self, valkey: Redis, prefix: str, flow: Flow) -> None:
        self._valkey, self._prefix, self._flow = valkey, prefix, flow
        self._notes = RunNotes(self._path_of)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._flow.note_run = self._notes.note
        self._task = asyncio.get_running_loop().create_task(self._live())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def flush(self) -> None:
        batch = self._notes.taken()
        if not (batch.figures or batch.stories or batch.left_out):
            return
        try:
            await hand_on(self._valkey, self._prefix, batch)
        except Away:
            self._notes.give_back(batch)

    def _path_of(self, slug: str, place: Key) -> str:
        compiled = self._flow.catalog.find(slug)
        return state_path(place, compiled.definition if compiled is not None else {})[0]

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.flush()
            except Exception:
                log.exception("runs_not_noted")
