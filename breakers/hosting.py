"""The one DataPlane of a process whose own code is synchronous: control, and Celery workers."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from breakers.store.fleet import Kind

from .dataplane import DataPlane

T = TypeVar("T")

_starting = threading.Lock()


class Hosted:
    """A DataPlane on an event loop of its own thread, for processes whose own code is synchronous."""

    def __init__(self, kind: Kind) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=f"dataplane-{kind}", daemon=True).start()
        self.plane: DataPlane = asyncio.run_coroutine_threadsafe(self._start(kind), self._loop).result(timeout=30)

    @staticmethod
    async def _start(kind: Kind) -> DataPlane:
        plane = DataPlane(kind)
        await plane.start()
        return plane

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """Run `work` on the plane's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)


def hosted(kind: Kind) -> Hosted:
    """The one hosted DataPlane of this process, started when it is first asked for, by whichever thread."""
    with _starting:
        return _hosted(kind)


@cache
def _hosted(kind: Kind) -> Hosted:
    return Hosted(kind)
