"""Counts of requests in the store: added once, kept within bounds."""

import pytest
import redis

from breakers.admission.recorder import UsageRecorder
from breakers.store import usage
from breakers.store.usage import Batch, Series, UsageReading, UsageStore
from controlplane.kernel.valkey import connect_async

NOW = 1_800_000_000
GOLD = Series("acme", "gold", "admitted")


@pytest.fixture
async def store(valkey):
    client = connect_async(valkey)
    yield UsageStore(client, "sg")
    await client.aclose()


@pytest.fixture
def reading(valkey):
    with redis.Redis.from_url(valkey) as client:
        yield UsageReading(client, "sg")


async def test_batches_of_several_senders_add_up(store, reading):
    assert await store.add("one", Batch(1, {NOW: {GOLD: 3}, NOW + 1: {GOLD: 2}}), NOW)
    assert await store.add("two", Batch(1, {NOW: {GOLD: 4}}), NOW)
    assert reading.seconds([NOW, NOW + 1, NOW + 2]) == {NOW: {GOLD: 7}, NOW + 1: {GOLD: 2}}
    assert reading.minute(NOW // 60) == ({GOLD: 9}, {})
    assert reading.totals() == ({("gold", "admitted"): 9}, {})


async def test_a_batch_that_is_sent_again_counts_once(store, reading):
    batch = Batch(7, {NOW: {GOLD: 3}}, {("main", "articles", "admitted"): 3}, {NOW // 60: {("bots", "blocked"): 2}})
    assert await store.add("one", batch, NOW)
    assert not await store.add("one", batch, NOW)
    assert reading.minute(NOW // 60) == ({GOLD: 3}, {("bots", "blocked"): 2})
    assert reading.totals() == ({("gold", "admitted"): 3}, {("main", "articles", "admitted"): 3})


async def test_a_second_keeps_a_bounded_number_of_series_and_a_minute_all(store, reading):
    many = {Series(f"c{number}", "gold", "admitted"): 1 for number in range(usage.FIELDS_PER_S + 50)}
    await store.add("one", Batch(1, {NOW: many}), NOW)
    await store.add("one", Batch(2, {NOW: many}), NOW)
    kept = reading.seconds([NOW])[NOW]
    assert len(kept) == usage.FIELDS_PER_S
    assert set(kept.values()) == {2}
    assert sum(reading.minute(NOW // 60)[0].values()) == 2 * len(many)


async def test_everything_about_a_time_expires(store, valkey):
    await store.add("one", Batch(1, {NOW: {GOLD: 3}}), NOW)
    with redis.Redis.from_url(valkey) as client:
        lasting = {key for key in client.scan_iter() if client.ttl(key) < 0}
    assert lasting == {b"{sg:usage}:marks", b"{sg:usage}:totals"}


async def test_a_minute_that_grew_while_it_was_written_down_stays_marked(store, reading):
    await store.add("one", Batch(1, {NOW: {GOLD: 1}}), NOW)
    marks = reading.marked()
    await store.add("one", Batch(2, {NOW: {GOLD: 1}}), NOW)
    reading.settle_minutes(marks)
    assert list(reading.marked()) == [NOW // 60]
    reading.settle_minutes(reading.marked())
    assert reading.marked() == {}


async def test_the_latest_use_of_a_key_is_kept(store, reading):
    await store.add("one", Batch(1, used={"k1": NOW + 5}), NOW)
    await store.add("two", Batch(1, used={"k1": NOW, "k2": NOW}), NOW)
    assert reading.used() == {"k1": NOW + 5, "k2": NOW}
    reading.settle_used({"k1": NOW + 5, "k2": NOW - 1})
    assert reading.used() == {"k2": NOW}


async def test_the_recorder_sends_what_was_recorded_once_each_second_and_what_is_left_at_the_end(store, reading):
    recorder = UsageRecorder(store, "door-1", lambda: NOW + 1)
    for _ in range(3):
        recorder.record("acme", "gold", "admitted", NOW + 0.5, "main", "articles")
    recorder.record_rule("bots", "blocked", NOW)
    recorder.used("k1", NOW + 0.5)
    await recorder.flush()
    recorder.record("acme", "gold", "admitted", NOW + 0.9)
    recorder.record("", "", "unidentified", NOW + 1.1)
    await recorder.close()
    nobody = Series("", "", "unidentified")
    assert reading.seconds([NOW, NOW + 1]) == {NOW: {GOLD: 4}, NOW + 1: {nobody: 1}}
    assert reading.minute(NOW // 60) == ({GOLD: 4, nobody: 1}, {("bots", "blocked"): 1})
    assert reading.used() == {"k1": NOW}
    assert reading.totals()[1] == {("main", "articles", "admitted"): 3}


async def test_what_was_recorded_while_the_store_was_away_arrives_once(store, reading, valkey_server):
    recorder = UsageRecorder(store, "door-1", lambda: NOW)
    recorder.record("acme", "gold", "admitted", NOW)
    valkey_server.stop()
    try:
        await recorder.flush()
        recorder.record("acme", "gold", "admitted", NOW)
        await recorder.flush()
    finally:
        valkey_server.start()
    await recorder.close()
    assert reading.seconds([NOW]) == {NOW: {GOLD: 2}}
