"""Threads on which AWS is waited for: so many at once, and none that a process which ends has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """In place of concurrent.futures' pool, whose threads hold up the end of the process until their calls return."""

    def __init__(self, most: int, name: str) -> None:
        self._room = threading.BoundedSemaphore(most)
        self._name = name

    def submit(self, work: Callable[..., T], *arguments: Any, **named: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            with self._room:
                if not future.set_running_or_notify_cancel():
                    return
                try:
                    future.set_result(work(*arguments, **named))
                except BaseException as error:
                    future.set_exception(error)

        threading.Thread(target=run, name=self._name, daemon=True).start()
        return future
