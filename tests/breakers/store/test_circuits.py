"""Circuits in a real store: counts by epoch, moves by compare-and-set, permits by lease."""

import asyncio

import pytest
from redis.asyncio import Redis

from breakers.core import counts, machine
from breakers.core.policies import Totals
from breakers.core.settings import BreakerSettings
from breakers.core.states import State
from breakers.store.circuits import CircuitStore, Flush, read_circuit, read_push

OK, FAIL, SLOW = b"@", b"A", b"B"


@pytest.fixture
async def store(valkey):
    client = Redis.from_url(valkey)
    yield CircuitStore(client, "sg")
    await client.aclose()


def breaker(*policies) -> BreakerSettings:
    import msgspec

    return msgspec.convert({"policies": list(policies)}, BreakerSettings)


def flush(codes: bytes, settings=None, epoch=0, slug="catalog") -> Flush:
    settings = settings or breaker({"type": "consecutive_failures", "threshold": 5})
    row = counts.empty()
    row[counts.CALLS] = len(codes)
    return Flush(slug, epoch, codes, settings.windows, settings.slow_marks_ms, [(0, row)], [])


async def counted(store, *args, **kwargs):
    return (await store.flush([flush(*args, **kwargs)]))["catalog"]


async def opened(store):
    settings = breaker({"type": "consecutive_failures", "threshold": 1})
    answer = await counted(store, FAIL)
    return await store.move("catalog", machine.after_counts(settings, answer.circuit, answer.streak, answer.windows))


async def test_a_streak_is_counted_over_all_flushes_in_the_order_of_their_arrival(store):
    assert (await counted(store, FAIL * 2)).streak == 2
    assert (await counted(store, FAIL * 2)).streak == 4
    assert (await counted(store, OK)).streak == 0
    assert (await counted(store, FAIL * 3)).streak == 3


async def test_a_streak_that_ended_inside_one_flush_is_still_seen(store):
    assert (await counted(store, FAIL * 6 + OK)).streak == 6


async def test_time_and_count_windows_give_their_own_totals(store):
    settings = breaker(
        {"type": "failure_rate", "sliding_window_type": "COUNT_BASED", "sliding_window_size": 20},
        {"type": "slow_call_rate", "sliding_window_size": 30},
    )
    await counted(store, OK * 15, settings)
    answer = await counted(store, FAIL * 4 + SLOW * 6, settings)
    assert answer.windows == [Totals(20, 4, 0), Totals(25, 4, 6)]


async def test_a_time_window_forgets(store):
    settings = breaker({"type": "failure_rate", "sliding_window_size": 1})
    await counted(store, FAIL * 7, settings)
    await asyncio.sleep(1.05)
    assert (await counted(store, OK, settings)).windows == [Totals(1, 0, 0)]


async def test_outcomes_of_an_older_epoch_are_dropped_and_the_worker_is_told(store):
    circuit = await opened(store)
    late = await counted(store, FAIL * 9, epoch=0)
    assert not late.counted
    assert late.circuit == circuit


async def test_only_one_of_two_processes_makes_a_move(store):
    circuit = await opened(store)
    move = machine.half_open(circuit, "the wait is over")
    first, second = await asyncio.gather(store.move("catalog", move), store.move("catalog", move))
    assert {first is None, second is None} == {True, False}


async def test_a_move_is_pushed_logged_and_starts_with_empty_counts(store):
    pubsub = store.valkey.pubsub()
    await pubsub.subscribe(store.channel)
    circuit = await opened(store)
    messages = [m for _ in range(4) if (m := await pubsub.get_message(timeout=0.2)) and m["type"] == "message"]
    pushed = [read_push(m["data"]) for m in messages]
    assert read_circuit(pushed[-1]["c"]) == circuit
    assert len(await store.logged("catalog")) == 1
    assert circuit.streak == 0
    await pubsub.aclose()


async def test_an_outage_keeps_its_beginning_until_the_circuit_closes(store):
    circuit = await opened(store)
    half = await store.move("catalog", machine.half_open(circuit, "the wait is over"))
    again = await store.move("catalog", machine.after_trial(BreakerSettings(), half, passed=0, failure="status 500"))
    assert again.outage_ms == circuit.outage_ms == circuit.since_ms
    assert again.openings == 2
    half = await store.move("catalog", machine.half_open(again, "the wait is over"))
    closed = await store.move("catalog", machine.after_trial(BreakerSettings(), half, passed=3, failure=None))
    assert (closed.state, closed.outage_ms, closed.openings) == (State.CLOSED, 0, 0)


async def test_epochs_start_from_the_servers_time_so_that_a_flush_never_brings_an_old_one_back(store):
    before = await opened(store)
    await store.valkey.flushall()
    after = await opened(store)
    assert after.epoch > before.epoch


async def half_opened(store):
    return await store.move("catalog", machine.half_open(await opened(store), "the wait is over"))


async def test_no_more_trial_calls_than_permitted_are_leased_in_the_whole_fleet(store):
    circuit = await half_opened(store)
    asked = [store.lease_permit("catalog", circuit.epoch, str(n), permitted=3, lease_ms=1000) for n in range(10)]
    assert sum(await asyncio.gather(*asked)) == 3


async def test_a_settled_permit_is_spent_and_a_returned_one_is_not(store):
    circuit = await half_opened(store)

    async def lease(permit):
        return await store.lease_permit("catalog", circuit.epoch, permit, permitted=1, lease_ms=1000)

    assert await lease("a")
    assert await store.settle_permit("catalog", circuit.epoch, "a", "returned") == 0
    assert await lease("b")
    assert await store.settle_permit("catalog", circuit.epoch, "b", "passed") == 1
    assert not await lease("c")


async def test_a_permit_that_is_never_settled_lapses(store):
    circuit = await half_opened(store)
    assert await store.lease_permit("catalog", circuit.epoch, "lost", permitted=1, lease_ms=80)
    await asyncio.sleep(0.1)
    assert await store.lease_permit("catalog", circuit.epoch, "next", permitted=1, lease_ms=80)


async def test_a_permit_of_an_older_epoch_settles_nothing(store):
    circuit = await half_opened(store)
    await store.lease_permit("catalog", circuit.epoch, "a", permitted=3, lease_ms=1000)
    await store.move("catalog", machine.after_trial(BreakerSettings(), circuit, passed=0, failure="timeout"))
    assert await store.settle_permit("catalog", circuit.epoch, "a", "passed") is None


async def test_scripts_are_loaded_again_when_the_server_has_forgotten_them(store):
    await counted(store, OK)
    await store.valkey.script_flush()
    assert (await counted(store, FAIL)).streak == 1


async def test_old_seconds_of_traffic_do_not_pile_up(store):
    keys = store.keys("catalog")
    row = counts.empty()
    for age in range(800, 0, -2):
        await store.flush([Flush("catalog", 0, b"", (), (), [(age, row)], [])])
    assert await store.valkey.hlen(keys.traffic) < 400
