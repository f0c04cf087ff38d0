"""Stops work for clients that have gone, at no cost to calls that are over soon.

Waiting for a disconnect takes a second task for each request. Nearly all are answered before that would pay, so only
those under way for longer than `AFTER_S` get one; a single timer finds them.
"""

import asyncio
import time
import weakref

from .answers import Receive

AFTER_S = 0.05


class Disconnects:
    """Tasks that serve a request, in the order in which they began to wait."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[None], tuple[float, Receive]] = {}
        self._watchers: dict[asyncio.Task[None], asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._gone: weakref.WeakSet[asyncio.Task[None]] = weakref.WeakSet()

    def enter(self, receive: Receive) -> asyncio.Task[None]:
        """The current task begins to wait; it is cancelled when its client leaves, for which `caused` then tells."""
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]
        self._waiting[task] = (time.monotonic(), receive)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AFTER_S, self._look)
        return task

    def leave(self, task: asyncio.Task[None]) -> None:
        if self._waiting.pop(task, None) is None:
            watcher = self._watchers.pop(task, None)
            if watcher is not None:
                watcher.cancel()

    def caused(self) -> bool:
        """Whether the current task was cancelled from here, because nobody is left to answer."""
        return asyncio.current_task() in self._gone

    def _look(self) -> None:
        now, self._timer = time.monotonic(), None
        for task, (since, receive) in list(self._waiting.items()):
            if now - since < AFTER_S:
                break
            del self._waiting[task]
            self._watchers[task] = asyncio.get_running_loop().create_task(self._watch(task, receive))
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(AFTER_S, self._look)

    async def _watch(self, task: asyncio.Task[None], receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if self._watchers.pop(task, None) is not None:
            self._gone.add(task)
            task.cancel()
