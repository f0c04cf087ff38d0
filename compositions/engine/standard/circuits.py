"""Whether a target may be called, as executions that hold need to know; and how fast they go on when it may again."""

import asyncio
import math
import time
from typing import Final

from breakers.core.states import STOPPED
from breakers.dataplane import DataPlane
from breakers.guard.trials import Trials

# A circuit of the kind that real traffic tries may be called when its wait is over, and nobody says so.
LOOK_AGAIN_S: Final = 1.0
MOST_AT_ONCE: Final = 500


class Circuits:
    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._trials = Trials(plane)
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._passable_since: dict[str, float] = {}
        plane.on_change(self._tell)

    def is_open(self, target: str) -> bool:
        """Whether a call would be refused now. A target that is not registered refuses nothing."""
        guarded = self._plane.circuits.get(target)
        return guarded is not None and guarded.state in STOPPED and not self._trials.possible(guarded)

    async def passable(self, target: str) -> None:
        while self.is_open(target):
            await asyncio.wait((self._changed,), timeout=LOOK_AGAIN_S)

    def ramp(self, target: str, every_s: float, *, leads: bool = True) -> int:
        """How many executions that wait for this target may go on in this turn, of which there is one `every_s`.

        One a second to begin with, twice as many with each second that the target holds; none while it does not. Of all
        workers one leads along the ramp; at its end the others join in, for the one may not see what they see.
        """
        if self.is_open(target):
            self._passable_since.pop(target, None)
            return 0
        now = time.monotonic()
        since = self._passable_since.setdefault(target, now)
        most = min(MOST_AT_ONCE, math.ceil(2 ** min(now - since, 16) * every_s))
        return most if leads or most == MOST_AT_ONCE else 0

    def _tell(self) -> None:
        if not self._changed.done():
            self._changed.set_result(None)
        self._changed = asyncio.get_running_loop().create_future()
