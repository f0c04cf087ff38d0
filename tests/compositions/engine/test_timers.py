"""A time by which a block must have ended."""

import asyncio

import pytest

from compositions.engine.timers import Within


async def test_what_is_late_is_cancelled_and_told_as_a_timeout():
    with pytest.raises(TimeoutError), Within(0.01) as limit:
        await asyncio.sleep(10)
    assert limit.expired
    assert asyncio.current_task().cancelling() == 0


async def test_what_is_in_time_is_left_alone():
    with Within(10) as limit:
        await asyncio.sleep(0)
    assert not limit.expired


async def test_somebody_elses_cancellation_stays_one():
    async def work():
        with Within(10):
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_within_another_ends_only_itself():
    with Within(10) as outer:
        with pytest.raises(TimeoutError), Within(0.01):
            await asyncio.sleep(10)
        await asyncio.sleep(0)
    assert not outer.expired
