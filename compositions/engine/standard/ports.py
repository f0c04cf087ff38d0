"""The outside of a durable execution: whatever it learns is journalled before anything is done that rests on it.

What was told gathers in memory and goes to the disk with the next thing that must be safe: before a call is made,
before a long wait begins, at the end. So a step costs one commit, which carries the result of the step before, its
exit and the next one's entry. Nothing waits there for ever: the engine sweeps up what is left lying.

Random numbers are drawn from the execution's own seed and the place that asks, so every life draws the same ones and
none needs to be written down. Times and results are.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from compositions.asl.deadlines import translated
from compositions.asl.errors import StatesError, Unserved
from compositions.asl.ports import Checkpoint, Key, Place, TaskCall
from compositions.asl.values import Json, text

from .journal import CHECKPOINT, Told

if TYPE_CHECKING:
    from .life import Life

# A wait longer than this is not sat through: the execution is put away until it is due.
PATIENCE_S: Final = 2.0
_TIMERS: Final = ("timeout", "heartbeat")


class Clock:
    """The time that one call of a Task has had: it stands still while the call is held back by us.

    `durable` calls may take months; their timers are kept with the execution.
    """

    __slots__ = ("_held_s", "_held_since", "durable")

    def __init__(self, *, durable: bool) -> None:
        self.durable = durable
        self._held_since: float | None = None
        self._held_s = 0.0

    def hold(self) -> None:
        self._held_since = time.monotonic()

    def go_on(self) -> None:
        if self._held_since is not None:
            self._held_s += time.monotonic() - self._held_since
            self._held_since = None

    @property
    def held_s(self) -> float:
        now = time.monotonic()
        return self._held_s + (now - self._held_since if self._held_since is not None else 0.0)


class JournalledPorts:
    """The ports of one life of an execution."""

    records = True
    keeps_time = False

    def __init__(self, life: Life) -> None:
        self._life = life
        self._known = life.memory.known
        self._clocks: dict[tuple[Key, int], Clock] = {}

    # Calls ------------------------------------------------------------------------------------------------------------

    async def call(self, task: TaskCall) -> Json:
        earlier = self._known.get(task.place)
        if earlier is not None:
            return _answered(earlier)
        life, at = self._life, task.place[:2]
        clock = self._clocks[at] = Clock(durable=life.calls.is_durable(task))
        try:
            output, told = await life.calls.serve(task, clock)
        except Exception as raised:
            error = translated(raised)
            if error is not None and not task.timed_out:
                kept = {"error": error.error, "cause": error.cause, "also": list(error.also)}
                life.tell(task.place, kept, firm=True)
            raise
        finally:
            del self._clocks[at]
        life.tell(task.place, {"output": output, **told} if told else {"output": output}, firm=True)
        return output

    # Time -------------------------------------------------------------------------------------------------------------

    async def sleep(self, seconds: float, place: Place) -> None:
        if place.path and place.what.startswith(_TIMERS):
            clock = self._clocks.get(place[:2])
            if clock is None or not clock.durable:
                await self._count_down(seconds, clock)
                return
            if place.what != "timeout":
                await self._life.calls.silence(place, seconds)
                return
        await self._life.wait(self._until(seconds, place), place)

    def _until(self, seconds: float, place: Place) -> float:
        if not place.path:  # the machine's own limit
            return self._life.began_at + seconds
        earlier = self._known.get(place)
        if earlier is not None:
            return float(earlier["until"])
        until = time.time() + seconds
        self._life.tell(place, {"until": until}, firm=seconds > PATIENCE_S)
        return until

    async def _count_down(self, seconds: float, clock: Clock | None) -> None:
        """A limit of a call that this process makes: it ends with the process, and so does its limit."""
        deadline, already_s = time.monotonic() + seconds, 0.0 if clock is None else clock.held_s
        while True:
            held_s = 0.0 if clock is None else clock.held_s - already_s
            left_s = deadline + held_s - time.monotonic()
            if left_s <= 0:
                return
            await asyncio.sleep(max(left_s, 0.01))

    def now(self, place: Place) -> float:
        earlier = self._known.get(place)
        if earlier is not None:
            return float(earlier["now"])
        moment = time.time()
        self._life.tell(place, {"now": moment}, firm=True)
        return moment

    def random(self, place: Place) -> float:
        drawn = hashlib.blake2b(f"{self._life.row.seed} {text(place)}".encode(), digest_size=8).digest()
        return (int.from_bytes(drawn, "big") >> 11) / (1 << 53)

    # The record -------------------------------------------------------------------------------------------------------

    async def record(self, place: Place, happened: Mapping[str, Any]) -> None:
        if place in self._known:
            return
        what, life = place.what, self._life
        if what == "entered":
            if len(place.path) == 1:  # its input is in the checkpoint
                happened = {"event": happened["event"]}
        elif what == "exited":
            if happened["next"] is not None:  # its output is the input of what follows
                happened = {"next": happened["next"]}
        elif what in ("caught", "tolerated"):
            life.tally.caught = True
            if what == "caught":
                life.tally.undoing = True
        # A decision sums up results that will not be asked for again; a late call is given up for good.
        life.tell(place, happened, firm=what in ("branches", "items", "late"))

    def recall(self, place: Place) -> Told | None:
        return self._known.get(place)

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        life = self._life
        life.state = checkpoint.state
        life.begin_at(CHECKPOINT, {"at": checkpoint, "tally": life.tally})

    # What others do ---------------------------------------------------------------------------------------------------

    async def evaluate(
        self, expression: str, given: Mapping[str, Json], place: Place, *, now_ms: int, seed: float
    ) -> Json:
        with self._life.busy():
            return await self._life.engine.flow.sandbox.evaluate(expression, given, now_ms=now_ms, seed=seed)

    async def read_items(self, task: TaskCall) -> Json:
        raise Unserved("ItemReader is not served here; pass the items as the state's input.")

    async def write_results(self, task: TaskCall, results: Json) -> Json:
        raise Unserved("ResultWriter is not served here; use the results that the Map returns.")


def _answered(earlier: Told) -> Json:
    if "error" not in earlier:
        return earlier["output"]
    raise StatesError(earlier["error"], earlier.get("cause"), told=True, also=earlier.get("also") or ())
