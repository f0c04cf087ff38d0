"""Notes become rows once, minutes add up, and what went wrong is kept longer than what went well."""

import asyncio
from datetime import timedelta

import pytest
import redis
import redis.asyncio

from compositions.models import CompositionRun, RunMinute
from compositions.runs import figures, keeping, reading, store
from compositions.runs.notes import Batch, Story
from controlplane.kernel import clock


@pytest.fixture
def hand_on(db, valkey, settings):
    def push(*batches):
        async def connected():
            client = redis.asyncio.Redis.from_url(valkey)
            for batch in batches:
                await store.hand_on(client, settings.KEY_PREFIX, batch)
            await client.aclose()

        asyncio.run(connected())

    return push


def counts(runs, ms=20.0, **fields):
    into = figures.empty()
    for _ in range(runs):
        figures.note(into, ms=ms, **{"complete": True, "failed": False, "calls": 2, "kept": 0, "refused": 0, **fields})
    return into


def minute():
    return int(clock.now().timestamp() // 60)


def kept(why, **ago):
    at = clock.now() - timedelta(**ago)
    CompositionRun.objects.create(composition="page", version=1, at=at, ms=1, status="X", complete=True, why=why)


def test_figures_of_two_front_doors_add_up_and_are_written_once(hand_on):
    now = minute()
    hand_on(
        Batch([("page", now, counts(90)), ("other", now, counts(1))]),
        Batch([("page", now, counts(10, ms=400, complete=False, kept=1)), ("page", now - 1, counts(5))]),
    )
    keeping.drain()
    keeping.drain()
    hand_on(Batch([("page", now, counts(1))]))
    keeping.drain()
    assert RunMinute.objects.count() == 3
    told = reading.lately()["page"]
    assert (told.runs, told.complete, told.calls) == (106, 96 / 106, 212)
    assert told.p50 < 20.1
    assert 300 < told.p95 <= 500
    runs = [row[figures.RUNS] for _, row in reading.minutes("page")]
    assert [number for number in runs if number] == [5, 101]


def test_stories_become_rows(hand_on):
    at = clock.now().timestamp()
    hand_on(Batch(stories=[Story("page", 3, "FAILED", "failed", at, 12.5, error="Breaker.Open", cause="It is open.")]))
    assert keeping.drain() == 1
    row = CompositionRun.objects.get()
    assert (row.version, row.why, row.error, row.ms, row.complete) == (3, "failed", "Breaker.Open", 12.5, False)


def test_what_is_not_of_this_form_is_dropped(hand_on, valkey, settings):
    hand_on(Batch([("page", minute(), counts(1))]))
    with redis.Redis.from_url(valkey) as client:
        client.rpush(store.key(settings.KEY_PREFIX), b"nonsense")
    keeping.drain()
    assert RunMinute.objects.count() == 1


def test_failed_and_slow_runs_are_kept_longer_than_samples(db):
    for why in ("sample", "slow", "failed"):
        for days in (1, 10, 20, 40):
            kept(why, days=days)
    keeping.prune()
    found = {why: CompositionRun.objects.filter(why=why).count() for why in ("sample", "slow", "failed")}
    assert found == {"sample": 1, "slow": 2, "failed": 3}


def test_of_a_kind_only_the_newest_are_kept(db):
    for minutes in range(10):
        kept("slow", minutes=minutes)
    keeping.prune(most=3)
    assert CompositionRun.objects.count() == 3
