"""Inner workflows side by side: the first failure cancels the others, and nothing is left running."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from compositions.asl.errors import StatesError
from compositions.asl.values import Json

Start = Callable[[int], Coroutine[Any, Any, Json]]


async def run_together(
    start: Start, count: int, at_once: int, tolerate: Callable[[int, StatesError], bool] | None = None
) -> list[Json]:
    """The results in order. At most `at_once` run at a time; an error that `tolerate` accepts leaves its place None.

    Whatever ends this call - a failure, a fault, a cancellation from outside - every task it started has ended before.
    """
    results: list[Json] = [None] * count
    running: dict[asyncio.Task[Json], int] = {}
    following = 0
    try:
        while running or following < count:
            while following < count and len(running) < at_once:
                running[asyncio.ensure_future(start(following))] = following
                following += 1
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda ended: running[ended]):
                index = running.pop(task)
                try:
                    results[index] = task.result()
                except StatesError as error:
                    if tolerate is None or not tolerate(index, error):
                        raise
    finally:
        if running:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    return results


async def run_all(work: Sequence[Coroutine[Any, Any, Json]]) -> list[Json]:
    """The same for few that all run at once: one future that the last of them, or the first failure, resolves.

    `asyncio.wait` would subscribe to every task again at each one that ends.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    left = len(work)

    def end(task: asyncio.Task[Json]) -> None:
        nonlocal left
        left -= 1
        failed = task.cancelled() or task.exception() is not None  # asked of each, or asyncio reports it as forgotten
        if (failed or not left) and not ended.done():
            ended.set_result(None)

    running = [loop.create_task(each) for each in work]
    try:
        for task in running:
            task.add_done_callback(end)
        await ended
        # Of several that failed in one turn of the loop, the first in order tells.
        failed = [task for task in running if task.done() and (task.cancelled() or task.exception() is not None)]
        return [task.result() for task in failed or running]
    finally:
        if left:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def run_in_turn(
    start: Start, count: int, tolerate: Callable[[int, StatesError], bool] | None = None
) -> list[Json]:
    """The same for workflows that never wait: they run where they stand, without tasks."""
    results: list[Json] = []
    for index in range(count):
        try:
            results.append(await start(index))
        except StatesError as error:
            if tolerate is None or not tolerate(index, error):
                raise
            results.append(None)
    return results
