"""A call with its TimeoutSeconds and HeartbeatSeconds: what is late is cancelled, and has ended when this returns."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.frames import Frame
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json, text

_LATE = "late"


def translated(error: Exception) -> StatesError | None:
    """A port's exception as an error of the run, if it names one."""
    if isinstance(error, StatesError):
        return StatesError(error.error, error.cause, told=True, also=error.also, final=error.final)
    if not hasattr(error, "error"):
        return None
    cause = getattr(error, "cause", None)
    return StatesError(
        None if error.error is None else str(error.error),
        cause if cause is None or isinstance(cause, str) else text(cause),
        told=True,
    )


async def call_within(frame: Frame, task: TaskCall, call: Callable[[TaskCall], Awaitable[Json]]) -> Json:
    try:
        if task.timeout_s is None and task.heartbeat_s is None:
            return await call(task)
        return await _raced(frame, task, call)
    except Exception as error:
        known = translated(error)
        if known is None:
            raise
        raise known from error


async def _raced(frame: Frame, task: TaskCall, call: Callable[[TaskCall], Awaitable[Json]]) -> Json:
    earlier = frame.run.ports.recall(frame.place(_LATE))
    if earlier is not None:
        raise _late(earlier["heartbeat"])
    work = asyncio.ensure_future(call(task))
    timers: dict[asyncio.Future[Any], bool] = {}
    if task.timeout_s is not None:
        timers[asyncio.ensure_future(frame.run.ports.sleep(task.timeout_s, frame.place("timeout")))] = False
    if task.heartbeat_s is not None:
        timers[asyncio.ensure_future(_silence(frame, task, task.heartbeat_s))] = True
    try:
        await asyncio.wait([work, *timers], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        heartbeat = any(timer.done() and by_heartbeat for timer, by_heartbeat in timers.items())
        for timer in timers:
            if timer.done():
                timer.result()
        task.timed_out = True
        await frame.record(_LATE, heartbeat=heartbeat)
        raise _late(heartbeat)
    finally:
        for ended in (work, *timers):
            ended.cancel()
        await asyncio.gather(work, *timers, return_exceptions=True)


async def _silence(frame: Frame, task: TaskCall, longest_s: float) -> None:
    """Returns when no beat came for `longest_s`."""
    while True:
        heard = task.beats
        await frame.run.ports.sleep(longest_s, frame.place(f"heartbeat {heard}"))
        if task.beats == heard:
            return


def _late(heartbeat: bool) -> StatesError:
    return StatesError(errors.TIMEOUT, None, told=True, also=(errors.HEARTBEAT_TIMEOUT,) if heartbeat else ())
