"""Calls that put things right after a Catch never take a target for themselves.

Of what a target bears at once (`max_concurrency`), undoing has a quarter in each worker, so that a wave of refunds does
not overload what still works. That it goes before others is kept elsewhere: an execution that undoes is taken up first,
and the next slot of a contract is for its call, before all others of the fleet (breakers.guard.call.Holder).
"""

import asyncio
from typing import Final

from breakers.dataplane import DataPlane

SHARE: Final = 4


class Undoing:
    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._budgets: dict[str, tuple[int, asyncio.Semaphore]] = {}

    def budget(self, target: str) -> asyncio.Semaphore:
        """To be held while a call undoes."""
        guarded = self._plane.circuits.get(target)
        most = max(1, guarded.settings.max_concurrency // SHARE) if guarded is not None else 1_000
        known = self._budgets.get(target)
        if known is None or known[0] != most:
            known = self._budgets[target] = most, asyncio.Semaphore(most)
        return known[1]
