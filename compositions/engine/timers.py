"""A time by which a block must have ended: asyncio.timeout without its coroutines, which cost as much as a state."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Within:
    """`with Within(seconds) as limit:` raises TimeoutError when time is up; `limit.expired` tells."""

    __slots__ = ("_cancelling", "_seconds", "_task", "_timer", "expired")

    _task: asyncio.Task[object]
    _timer: asyncio.TimerHandle
    _cancelling: int

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.expired = False

    def __enter__(self) -> Within:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task that it can cancel")
        self._task, self._cancelling = task, task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Only a cancellation of our own is a timeout: whoever else cancels the task means it.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
