"""Quotas as front doors draw them: exact over all of them, whatever dies, is edited, or is away."""

import asyncio
import multiprocessing
import os
from datetime import timedelta

import msgspec
import pytest
from django.db import connection

from breakers.admission.quotas import QuotaExhausted, StoreAway
from breakers.models import Consumer, QuotaLedger, UsageCount
from controlplane.kernel import clock
from tests.breakers.admission.quota_fleet import Database, Door, Wall, at, granted, in_a_thread, ledgers, until

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

rows = in_a_thread(ledgers)
grant = in_a_thread(granted)
# `closed` refuses when the ledger is slow, so that a slow machine makes no difference to what is counted.
CLOSED = {"on_store_error": "closed"}


@pytest.fixture
async def door():
    """Makes front doors, all of which vanish at the end."""
    doors = []

    def join(*args, **kwargs):
        doors.append(Door(*args, **kwargs))
        return doors[-1]

    yield join
    for each in doors:
        await each.close()


async def drawn():
    return sum(units for _, units in await rows())


# Exact ----------------------------------------------------------------------------------------------------------------


async def test_exactly_the_quota_passes_over_all_front_doors(door):
    terms = await grant(300, **CLOSED)
    doors = [door() for _ in range(4)]
    tries = [asyncio.create_task(each.passes(terms, 100)) for each in doors for _ in range(3)]
    assert sum(await asyncio.gather(*tries)) <= 300
    for each in doors:
        await each.close()
    used = await drawn()
    last = door()
    assert used + await last.passes(terms, 300) == 300
    assert await drawn() == 300


async def test_what_is_refused_says_when_the_period_ends(door):
    terms = await grant(1, **CLOSED)
    one = door(Wall(at(2026, 5, 31, 23, 0)))
    await one.passes(terms, 1)
    with pytest.raises(QuotaExhausted) as refusal:
        await one.ask(terms)
    assert refusal.value.resets_at == at(2026, 6, 1)
    assert refusal.value.retry_after_s == 3600


async def test_units_given_back_by_a_later_gate_are_used_again(door):
    terms = await grant(3, **CLOSED)
    one = door()
    for _ in range(10):
        one.quotas.give_back(terms, await one.ask(terms))
    assert await one.passes(terms, 10) == 3


async def test_a_process_that_is_killed_loses_what_it_held_and_nothing_is_given_twice(door):
    terms = await grant(500, **CLOSED)
    doomed = door()
    passed = await doomed.passes(terms, 60)
    await doomed.die()
    held = await drawn() - passed
    heir = door()
    assert passed + held + await heir.passes(terms, 600) == 500


async def test_what_was_not_used_goes_back_when_a_front_door_closes(door):
    terms = await grant(500, **CLOSED)
    one = door()
    passed = await one.passes(terms, 77)
    await one.close()
    assert (passed, await drawn()) == (77, 77)


async def test_what_lies_idle_goes_back(door):
    terms = await grant(500, **CLOSED)
    one = door()
    passed = await one.passes(terms, 77)
    await until(lambda: _is(drawn, passed))
    assert one.quotas.usage("acme", "gold").used == passed


async def test_an_answer_that_was_lost_costs_the_consumer_units_and_never_gives_any_twice(door):
    terms = await grant(50, **CLOSED)
    database = Database()
    one = door(database=database)
    passed = await one.passes(terms, 20)
    database.lose_answers = True
    for _ in range(60):
        try:
            passed += bool(await one.ask(terms))
        except (QuotaExhausted, StoreAway):
            await asyncio.sleep(0.01)
    database.lose_answers = False
    await until(lambda: _not(one.quotas, "away"))
    passed += await one.passes(terms, 100)
    assert passed <= 50
    assert await drawn() == 50


async def _is(asked, value):
    return await asked() == value


async def _not(thing, name):
    return not getattr(thing, name)


def spend(name, limit, results):
    """A process of its own, as front doors are: spend what there is, and end without a word."""
    connection.close()
    connection.settings_dict["NAME"] = name
    results.put(asyncio.run(_spend(limit)))
    results.close()
    results.join_thread()
    os._exit(0)


async def _spend(limit):
    from tests.breakers.admission.quota_fleet import TERMS

    one = Door()
    return await one.passes(msgspec.structs.replace(TERMS, limit=limit, on_store_error="closed"), 400)


def test_processes_that_draw_at_once_never_exceed_the_quota_together():
    granted(700)
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    name = connection.settings_dict["NAME"]
    connection.close()
    processes = [context.Process(target=spend, args=(name, 700, results)) for _ in range(4)]
    for process in processes:
        process.start()
    passed = sum(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert passed <= 700
    assert passed <= sum(units for _, units in ledgers()) <= 700


# Periods --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "end"),
    [("America/New_York", at(2026, 12, 1, 5)), ("Europe/Vienna", at(2026, 3, 31, 22))],
)
async def test_a_month_that_ends_in_summer_or_winter_time_ends_once_for_all(door, zone, end):
    terms = await grant(40, time_zone=zone, **CLOSED)
    wall = Wall(end - timedelta(seconds=1))
    one, two = door(wall), door(wall)
    assert await one.passes(terms, 25) + await two.passes(terms, 25) == 40
    wall.at = end
    passed = await one.passes(terms, 25) + await two.passes(terms, 25)
    for each in (one, two):
        await each.close()
    assert passed == 40
    before, after = await rows()
    assert (before[1], after) == (40, (end, 40))


async def test_units_held_when_a_period_ends_are_not_carried_into_the_next(door):
    terms = await grant(1000, period="DAY", **CLOSED)
    wall = Wall(at(2026, 5, 4, 23, 59))
    one = door(wall)
    await one.passes(terms, 100)
    wall.at = at(2026, 5, 5)
    assert await one.passes(terms, 1500) == 1000
    await one.close()
    assert await rows() == [(at(2026, 5, 4), 100), (at(2026, 5, 5), 1000)]


async def test_a_unit_of_the_old_period_that_comes_back_late_is_not_one_of_the_new(door):
    terms = await grant(10, period="DAY", **CLOSED)
    wall = Wall(at(2026, 5, 4, 23, 59))
    one = door(wall)
    late = await one.ask(terms)
    wall.at = at(2026, 5, 5)
    await one.ask(terms)
    one.quotas.give_back(terms, late)
    assert 1 + await one.passes(terms, 20) == 10


# Resets, extensions, edits --------------------------------------------------------------------------------------------


@in_a_thread
def change(**fields):
    row = QuotaLedger.objects.get()
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


async def test_an_extension_binds_a_front_door_that_refuses_within_about_a_second(door):
    terms = await grant(5, **CLOSED)
    one = door()
    assert await one.passes(terms, 9) == 5
    await change(extra=3)
    await until(lambda: _passes_again(one, terms))
    assert 1 + await one.passes(terms, 9) == 3


async def test_a_reset_gives_the_whole_quota_and_voids_what_was_held_before(door):
    terms = await grant(400, **CLOSED)
    one, two = door(), door()
    await one.passes(terms, 60)
    await change(generation=1, drawn=0)
    assert await two.passes(terms, 10) == 10
    await until(lambda: _forgets(one, terms, 60))
    await one.close()
    await two.close()
    assert await drawn() == 10  # nothing of the old generation came back


async def _forgets(one, terms, used):
    return (await one.quotas.read(terms, one.wall.ms())).used < used


async def _passes_again(one, terms):
    try:
        return bool(await one.ask(terms))
    except (QuotaExhausted, StoreAway):
        return False


async def test_a_lower_limit_refuses_what_is_above_it_and_a_higher_one_lets_the_rest_pass(door):
    terms = await grant(20, **CLOSED)
    one = door()
    assert await one.passes(terms, 10) == 10
    assert await one.passes(msgspec.structs.replace(terms, limit=8), 5) <= await drawn() - 10
    await one.close()
    heir = door()
    assert await heir.passes(msgspec.structs.replace(terms, limit=8), 5) == 0
    assert await heir.passes(msgspec.structs.replace(terms, limit=30), 50) == 20


async def test_an_edited_period_takes_over_what_was_drawn_in_it(door):
    day = await grant(100, period="DAY", **CLOSED)
    wall = Wall(at(2026, 5, 13, 12))
    one = door(wall)
    for passed in (30, 20):
        wall.at += timedelta(days=1)
        assert await one.passes(day, passed) == passed
    month = msgspec.structs.replace(day, period="MONTH")
    assert await one.passes(month, 100) == 50
    assert await rows() == [(at(2026, 5, 1), 100), (at(2026, 5, 14), 30), (at(2026, 5, 15), 20)]


async def test_a_shorter_period_takes_over_what_was_recorded_in_it_and_the_longer_comes_back_whole(door):
    month = await grant(100, **CLOSED)
    now = clock.now()
    wall = Wall(now)
    one = door(wall)
    assert await one.passes(month, 40) == 40
    await one.close()
    await in_a_thread(QuotaLedger.objects.update)(period_start=at(2020, 1, 1), period_end=now + timedelta(days=9))
    count = UsageCount(span="minute", at=now, consumer="acme", plan="gold", outcome="admitted", count=15)
    await in_a_thread(count.save)()
    two = door(wall)
    day = msgspec.structs.replace(month, period="DAY")
    assert await two.passes(day, 100) == 85
    long, _ = await rows()
    assert long == (at(2020, 1, 1), 40)
    ended = await in_a_thread(QuotaLedger.objects.order_by("period_start").first)()
    assert ended.period_end == now.replace(hour=0, minute=0, second=0, microsecond=0)


# The database is away -------------------------------------------------------------------------------------------------


async def away(one, database, terms, passed=10):
    """One unit after the other until none is held, and then no database."""
    assert await one.passes(terms, passed) == passed
    database.up = False
    while not one.quotas.away:
        try:
            passed += bool(await one.ask(terms))
        except (QuotaExhausted, StoreAway):
            break
    return passed


async def test_closed_refuses_once_what_is_held_is_spent_and_goes_on_when_the_database_is_back(door):
    terms = await grant(50, **CLOSED)
    database = Database()
    one = door(database=database)
    passed = await away(one, database, terms)
    with pytest.raises(StoreAway):
        await one.ask(terms)
    database.up = True
    assert passed + await one.passes(terms, 100) == 50


async def test_open_lets_everything_pass_and_charges_it_later(door):
    terms = await grant(50, on_store_error="open")
    database = Database()
    one = door(database=database)
    passed = await away(one, database, terms)
    for _ in range(100):
        assert await one.ask(terms) < 0
    database.up = True
    await until(lambda: _is(drawn, passed + 100))
    with pytest.raises(QuotaExhausted):
        await one.ask(terms)


async def spent(one, terms):
    """How many pass until the first refusal, whatever its kind."""
    passed = 0
    try:
        while True:
            passed += bool(await one.ask(terms))
    except (QuotaExhausted, StoreAway):
        return passed


async def test_local_lets_pass_a_share_of_what_was_left_and_charges_it_later(door):
    terms = await grant(90, on_store_error="local")
    database = Database()
    doors = [door(database=database, workers=2) for _ in range(2)]
    passed = await doors[0].passes(terms, 10) + await doors[1].passes(terms, 10)
    for one in (*doors, *doors):  # the first time some may be drawn ahead
        await one.quotas.read(terms, one.wall.ms())
    database.up = False
    for one in doors:
        passed += await spent(one, terms)
    assert 20 < passed <= 90
    database.up = True
    await until(lambda: _not(doors[0].quotas, "away"))
    await until(lambda: _not(doors[1].quotas, "away"))
    passed += sum([await one.passes(terms, 100) for one in doors])
    assert passed <= 90
    for one in doors:
        await one.close()
    assert await drawn() == passed


async def test_a_used_up_quota_stays_used_up_while_the_database_is_away(door):
    terms = await grant(10, on_store_error="open")
    database = Database()
    one = door(database=database)
    assert await one.passes(terms, 20) == 10
    database.up = False
    for _ in range(5):
        with pytest.raises(QuotaExhausted):
            await one.ask(terms)


async def test_a_slow_database_keeps_a_request_waiting_only_for_a_moment(door):
    terms = await grant(10, on_store_error="open")
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck(asks):
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return Database()(asks)

    one = door(database=stuck)
    assert await one.ask(terms) < 0
    assert one.quotas.away
    released.set()
    await until(lambda: _is(drawn, 2))  # the one that was drawn for it, and the one that it is charged
    await one.close()
    assert await drawn() == 1


async def test_a_consumer_who_is_gone_is_refused_soon_to_ask_again_and_the_others_are_served(door):
    terms = await grant(50, on_store_error="open")
    gone = msgspec.structs.replace(terms, consumer="gone")
    one = door()
    assert await one.passes(terms, 1) == 1
    for _ in range(3):
        with pytest.raises(QuotaExhausted) as refusal:
            await one.ask(gone)
        assert refusal.value.retry_after_s <= 1.0
    assert not one.quotas.away
    assert one.quotas.usage("gone", "gold").left == 0
    assert await one.passes(terms, 60) == 49
    await in_a_thread(Consumer.objects.create)(slug="gone")
    await until(lambda: _passes_again(one, gone))


# What is known --------------------------------------------------------------------------------------------------------


async def test_figures_of_a_busy_quota_are_true_within_about_a_second(door):
    terms = await grant(1000, **CLOSED)
    one, two = door(), door()
    await one.passes(terms, 5)
    await two.passes(terms, 300)
    await two.close()
    await until(lambda: _reads(one, terms, 305))
    assert one.quotas.usage("acme", "gold").left == 695
    assert one.quotas.usage("acme", "silver") is None


async def _reads(one, terms, used):
    return (await one.quotas.read(terms, one.wall.ms())).used == used


async def test_valkey_has_no_part_in_a_quota(door, valkey_server, valkey):
    terms = await grant(200, **CLOSED)
    one, two = door(), door()
    passed = await one.passes(terms, 100) + await two.passes(terms, 80)
    valkey_server.stop()
    try:
        passed += await one.passes(terms, 50) + await two.passes(terms, 50)
    finally:
        valkey_server.start()
    await one.close()
    await two.close()
    last = door()
    assert passed + await last.passes(terms, 100) == 200
