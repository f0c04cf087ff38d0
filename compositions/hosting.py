"""The one Flow of a process whose own code is synchronous: control, and Celery workers."""

import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from breakers.hosting import hosted
from breakers.store.fleet import Kind

from .engine.flow import Flow

T = TypeVar("T")

_starting = threading.Lock()


class HostedFlow:
    """A Flow on the loop of this process's DataPlane."""

    def __init__(self, kind: Kind) -> None:
        self._hosted = hosted(kind)
        self.flow = self._hosted.run(self._made())

    async def _made(self) -> Flow:
        flow = Flow(self._hosted.plane)
        await flow.start()
        return flow

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 30) -> T:
        """Run `work` on the loop and wait for its result."""
        return self._hosted.run(work, timeout_s)


def hosted_flow(kind: Kind) -> HostedFlow:
    """The one hosted Flow of this process, made when it is first asked for, by whichever thread."""
    with _starting:
        return _hosted_flow(kind)


@cache
def _hosted_flow(kind: Kind) -> HostedFlow:
    return HostedFlow(kind)
