"""Calls that put things right after a Catch: they go before others, and never take a target for themselves.

Priority: while such a call waits for a slot of a contract, calls that go forward give way to it; an execution that
undoes is also taken up first. Budget: of what a target bears at once (`max_concurrency`), undoing has a quarter in each
worker, so that a wave of refunds does not overload what still works.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from breakers.dataplane import DataPlane

SHARE: Final = 4
LOOK_AGAIN_S: Final = 0.05
# Those that go forward wait no longer than this: what undoes may itself be waiting for something else by then.
LONGEST_S: Final = 5.0


class Undoing:
    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._budgets: dict[str, tuple[int, asyncio.Semaphore]] = {}
        self._waiting: Counter[str] = Counter()

    @property
    def is_waiting(self) -> bool:
        return self._waiting.total() > 0

    def budget(self, target: str) -> asyncio.Semaphore:
        """To be held while a call undoes."""
        guarded = self._plane.circuits.get(target)
        most = max(1, guarded.settings.max_concurrency // SHARE) if guarded is not None else 1_000
        known = self._budgets.get(target)
        if known is None or known[0] != most:
            known = self._budgets[target] = most, asyncio.Semaphore(most)
        return known[1]

    @contextmanager
    def waits(self, target: str) -> Iterator[None]:
        """A call that undoes waits for a slot of this target."""
        self._waiting[target] += 1
        try:
            yield
        finally:
            self._waiting[target] -= 1

    async def give_way(self, target: str) -> None:
        """Let calls that undo go first."""
        left_s = LONGEST_S
        while self._waiting[target] > 0 and left_s > 0:
            await asyncio.sleep(LOOK_AGAIN_S)
            left_s -= LOOK_AGAIN_S
