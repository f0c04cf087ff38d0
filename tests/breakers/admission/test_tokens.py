"""Rate limits as requests meet them: exact in every span, whatever is killed, flushed or edited meanwhile."""

import asyncio
import time

import pytest

from breakers.admission.tokens import StoreAway, Throttled, TokenLimit
from tests.breakers.slot_fleet import LedgerServer
from tests.breakers.token_fleet import Door, Hammer, most_over

# Times are the machine's clock, as the server's are. All that the bound forgives is rounding to microseconds, of the
# clock and of ages: 2 microseconds of the rate.
ROUNDING_S = 2e-6


@pytest.fixture(scope="module")
def shared_server():
    running = LedgerServer()
    yield running
    running.remove()


@pytest.fixture
def server(shared_server):
    shared_server.flush()
    return shared_server


@pytest.fixture
def own_server():
    running = LedgerServer()
    yield running
    running.remove()


@pytest.fixture
async def fleet():
    doors = []

    async def join(server, **settings):
        door = Door(server.url, f"door-{len(doors)}", **settings)
        doors.append(door)
        return await door.start()

    yield join
    for door in doors:
        await door.stop()


@pytest.fixture
def hammers(tmp_path):
    running = []

    def start(server, *limits):
        running.append(Hammer(server.url, tmp_path / f"times-{len(running)}", list(limits)))
        return running[-1]

    start.all = running
    yield start
    for hammer in running:
        hammer.kill()


def limit(server, rate=0.001, burst=10, id="bucket", *, on_store_error="closed", old=False):
    """A new bucket, which may be taken from at once; or one that may have been used before the ledger began."""
    return TokenLimit(id, rate, burst, on_store_error, 0 if old else server.now_ms() + 60_000)


async def until(condition, within_s=20.0):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)


def exact(times, rate, burst):
    return most_over(sorted(times), rate, burst) <= rate * ROUNDING_S


# What a request sees


async def test_exactly_the_burst_passes_at_once_and_the_refusal_says_when_to_return(server, fleet):
    door, terms = await fleet(server), limit(server, rate=0.1, burst=5)
    assert [await door.passes(terms) for _ in range(8)] == [True] * 5 + [False] * 3
    with pytest.raises(Throttled) as refusal:
        door.leases.try_take([terms])
    assert refusal.value.limit is terms
    assert 2 < refusal.value.retry_after_s <= 10
    assert "bucket" in str(refusal.value)


async def test_requests_that_come_together_share_one_answer(server, fleet):
    door, terms = await fleet(server), limit(server, burst=50)
    passed = await asyncio.gather(*(door.passes(terms) for _ in range(80)))
    assert sum(passed) == 50


async def test_two_doors_in_turn_pass_exactly_the_burst(server, fleet):
    terms, doors = limit(server, burst=20), [await fleet(server), await fleet(server)]
    assert sum([await doors[i % 2].passes(terms) for i in range(40)]) == 20


async def test_one_token_of_each_limit_or_none_of_any(server, fleet):
    door = await fleet(server)
    client, stage, account = (limit(server, burst=n, id=id) for n, id in ((6, "client"), (4, "stage"), (9, "account")))
    limits = [client, stage, account]
    refusals = []
    for _ in range(12):
        try:
            await door.leases.take(limits)
        except Throttled as refusal:
            refusals.append(refusal.limit)
    assert refusals == [stage] * 8
    assert sum([await door.passes(client) for _ in range(9)]) == 2
    assert sum([await door.passes(account) for _ in range(9)]) == 5


async def test_all_or_none_also_when_doors_take_from_crossed_limits_at_once(server, fleet):
    doors = [await fleet(server), await fleet(server)]
    a, b, c = (limit(server, burst=30, id=id) for id in "abc")
    orders = [(a, b), (b, c), (c, a), (b, a, c)]
    passed = await asyncio.gather(*(doors[i % 2].passes(*orders[i % 4]) for i in range(120)))
    taken = {terms.id: sum(ok for i, ok in enumerate(passed) if terms in orders[i % 4]) for terms in (a, b, c)}
    assert all(count <= 30 for count in taken.values())
    await asyncio.sleep(0.5)  # what was taken for requests refused by another limit goes back
    for terms in (a, b, c):
        left = sum([await doors[0].passes(terms) for _ in range(40)])
        assert taken[terms.id] + left == 30


async def test_a_refusal_names_the_limit_that_lets_pass_last(server, fleet):
    door = await fleet(server)
    quick, slow = limit(server, 2.0, 1, "quick"), limit(server, 0.1, 1, "slow")
    assert await door.passes(quick, slow)
    with pytest.raises(Throttled) as refusal:
        await door.leases.take([quick, slow])
    assert refusal.value.limit is slow
    assert refusal.value.retry_after_s > 5


async def test_a_request_that_went_no_further_leaves_its_tokens_to_others(server, fleet):
    door, terms = await fleet(server), limit(server, burst=1)
    taken = await door.leases.take([terms])
    door.leases.give_back([terms], taken)
    assert await door.passes(terms)
    assert not await door.passes(terms)


async def test_a_caller_that_gives_up_takes_nothing(server, fleet):
    door, terms = await fleet(server), limit(server, burst=3)
    taken = 0
    for _ in range(5):
        call = asyncio.create_task(door.leases.take([terms]))
        await asyncio.sleep(0)
        taken += call.done()  # a token was at hand
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert taken + sum([await door.passes(terms) for _ in range(5)]) == 3


async def test_what_is_left_and_when_the_bucket_is_full_again(server, fleet):
    door, terms = await fleet(server), limit(server, rate=0.1, burst=5)
    assert door.leases.remaining("bucket") is None
    await door.passes(terms)
    await door.passes(terms)
    left, full_in = door.leases.remaining("bucket")
    assert left == 3
    assert 10 < full_in <= 20


async def test_nothing_waits_for_the_store_under_a_steady_stream(server, fleet):
    door, terms = await fleet(server), limit(server, rate=1000, burst=1000)
    waited = 0
    for _ in range(500):
        if door.leases.try_take([terms]) is None:
            waited += 1
            await door.leases.take([terms])
        await asyncio.sleep(0.004)
    assert waited < 250


# Tokens that lie elsewhere


async def test_tokens_leased_ahead_by_another_door_are_handed_over_within_the_request(server, fleet):
    hoarder, other, terms = await fleet(server), await fleet(server), limit(server, burst=400)
    used = 0
    for _ in range(100):
        used += await hoarder.passes(terms)
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.06)
    assert used == 100
    assert sum([await other.passes(terms) for _ in range(310)]) == 300


async def test_a_door_that_closes_gives_its_tokens_back(server, fleet):
    leaver, other, terms = await fleet(server), await fleet(server), limit(server, burst=10)
    both = (terms, limit(server, burst=1, id="narrow"))
    await asyncio.gather(*(leaver.passes(*both) for _ in range(10)))  # nine tokens of the first find no use
    await leaver.leave()
    assert sum([await other.passes(terms) for _ in range(12)]) == 9


async def test_a_request_each_second_is_never_refused_by_a_plan_of_two_per_second(server, fleet):
    doors, terms = [await fleet(server) for _ in range(3)], limit(server, rate=2.0, burst=2)
    for i in range(7):
        assert await doors[i % 3].passes(terms)
        await asyncio.sleep(1.0)


async def test_a_small_burst_passes_again_as_soon_as_its_rate_allows(server, fleet):
    doors, terms = [await fleet(server), await fleet(server)], limit(server, rate=10.0, burst=1)
    end = time.monotonic() + 3.0
    times = [at / 1e9 for part in await asyncio.gather(*(door.hammers(end, terms) for door in doors)) for at in part]
    assert exact(times, 10.0, 1)
    assert len(times) >= 15  # 30 on a quiet machine


@pytest.mark.parametrize(("doors", "share"), [(1, 0.95), (2, 0.9)])
async def test_nearly_all_of_the_rate_is_used_by_those_who_want_it(server, fleet, doors, share):
    rate, burst, seconds = 100.0, 100, 4.0
    fleet_of = [await fleet(server) for _ in range(doors)]
    terms = limit(server, rate=rate, burst=burst)
    began = time.monotonic()
    parts = await asyncio.gather(*(door.hammers(began + seconds, terms) for door in fleet_of))
    times = [at / 1e9 for part in parts for at in part]
    assert exact(times, rate, burst)
    assert len(times) - burst >= share * rate * seconds - burst / 4  # what a pause of the machine may spill


async def test_ten_thousand_buckets_are_held_and_forgotten(server, fleet):
    door = await fleet(server, patience_s=10.0)
    created = server.now_ms() + 60_000
    many = [TokenLimit(f"consumer {i}", 1.0, 2, "closed", created) for i in range(10_000)]
    missing, end = many, time.monotonic() + 30
    while missing and time.monotonic() < end:
        passed = await asyncio.gather(*(door.passes(terms) for terms in missing))
        missing = [terms for terms, ok in zip(missing, passed, strict=True) if not ok]
    assert not missing
    await until(lambda: not any(door.leases.remaining(terms.id) for terms in many))


# Everything that can go wrong


def all_times(hammers):
    return [at for hammer in hammers.all for at in hammer.times()]


async def hammered(hammers, server, limits, seconds, *, kill_every_s=None):
    """Keep three processes at it, killing one and starting another now and then."""
    end, turn = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        await asyncio.sleep(min(kill_every_s or seconds, max(0.0, end - time.monotonic())))
        if kill_every_s:
            hammers.all[turn].kill()
            hammers(server, *limits)
            turn += 1


@pytest.mark.parametrize(("rate", "burst"), [(150.0, 40), (20.0, 2), (800.0, 800)])
async def test_killed_processes_never_lead_to_more_than_burst_and_rate_in_any_span(server, hammers, rate, burst):
    terms = limit(server, rate, burst)
    for _ in range(3):
        hammers(server, terms)
    await until(lambda: all(hammer.times() for hammer in hammers.all), within_s=60.0)
    await until(lambda: len(all_times(hammers)) > burst)
    await hammered(hammers, server, [terms], 5.0, kill_every_s=0.8)
    assert exact(all_times(hammers), rate, burst)


async def test_three_limits_of_killed_processes_are_exact_together(server, hammers):
    limits = [limit(server, 300.0, 60, "client"), limit(server, 90.0, 30, "stage"), limit(server, 200.0, 50, "account")]
    for _ in range(2):
        hammers(server, *limits)
    await until(lambda: len(all_times(hammers)) > 30)
    await hammered(hammers, server, limits, 4.0, kill_every_s=1.1)
    times = all_times(hammers)
    assert all(exact(times, terms.rate, terms.burst) for terms in limits)


async def test_a_flushed_store_never_leads_to_more(own_server, hammers):
    rate, burst = 150.0, 60
    terms = limit(own_server, rate, burst, old=True)
    for _ in range(3):
        hammers(own_server, terms)
    await until(lambda: len(all_times(hammers)) > burst)
    for _ in range(3):
        flushed = time.time()
        own_server.flush()
        hammers.all[-1].kill()
        hammers(own_server, terms)
        await until(lambda since=flushed: sum(at > since + 1.0 for at in all_times(hammers)) > 20)
    assert exact(all_times(hammers), rate, burst)


@pytest.mark.parametrize("append_only", [True, False])
async def test_a_restarted_store_never_leads_to_more(hammers, append_only):
    rate, burst = 150.0, 60
    server = LedgerServer(append_only=append_only)
    try:
        terms = limit(server, rate, burst, old=True)
        for _ in range(3):
            hammers(server, terms)
        await until(lambda: len(all_times(hammers)) > burst)
        for pause_s in (0.0, 1.5):
            server.kill()
            hammers.all[-1].kill()
            await asyncio.sleep(pause_s)
            await asyncio.to_thread(server.start)
            started = time.time()
            hammers(server, terms)
            await until(lambda since=started: sum(at > since + 1.0 for at in all_times(hammers)) > 20)
        assert exact(all_times(hammers), rate, burst)
    finally:
        server.remove()


# Edits


async def test_an_edit_of_burst_or_rate_refills_nothing(server, fleet):
    doors, terms = [await fleet(server), await fleet(server)], limit(server, burst=10)
    assert sum([await doors[i % 2].passes(terms) for i in range(14)]) == 10
    for rate, burst in ((0.002, 40), (0.001, 4), (0.003, 10)):
        edited = limit(server, rate, burst)
        assert not any([await doors[i % 2].passes(edited) for i in range(4)])


async def test_a_lower_burst_binds_what_was_already_leased(server, fleet):
    door, terms = await fleet(server), limit(server, burst=40)
    both = (terms, limit(server, burst=1, id="narrow"))
    await asyncio.gather(*(door.passes(*both) for _ in range(20)))
    edited = limit(server, burst=5)
    assert sum([await door.passes(edited) for _ in range(20)]) <= 5


async def test_edits_under_traffic_bind_at_once_and_stay_exact(server, fleet):
    doors = [await fleet(server), await fleet(server)]
    rate, burst = 400.0, 80

    async def stage(rate, burst, seconds):
        end, terms = time.monotonic() + seconds, limit(server, rate, burst)
        return [at / 1e9 for part in await asyncio.gather(*(d.hammers(end, terms) for d in doors)) for at in part]

    before = await stage(rate, burst, 1.0)
    lowered = await stage(50.0, 10, 1.5)
    raised_at = time.time()
    raised = await stage(rate, burst, 1.0)
    assert exact(before, rate, burst)
    assert exact(lowered, 50.0, 10)
    assert exact(before + lowered + raised, rate, burst)
    assert most_over(sorted(raised), rate, burst, since=(raised_at, 10)) <= rate * ROUNDING_S  # nothing was refilled
    assert len(raised) > 100


# The store is away


async def test_without_the_store_leased_tokens_are_used_and_then_the_limit_decides(own_server, fleet):
    door = await fleet(own_server, workers=2, lease_s=0.5)
    opened, closed, local = (limit(own_server, 0.001, 8, id, on_store_error=id) for id in ("open", "closed", "local"))
    for terms in (opened, closed, local):
        assert await door.passes(terms)
    own_server.kill()
    await until(lambda: not door.leases.store_ok)
    taken = await door.leases.take([opened])
    assert taken.voided == (opened,)
    with pytest.raises(StoreAway) as refusal:
        await door.leases.take([closed])
    assert refusal.value.limit is closed
    assert refusal.value.retry_after_s >= 0.5
    assert sum([await door.passes(local) for _ in range(8)]) == 3  # half of the seven that were left
    with pytest.raises(StoreAway):
        await door.leases.take([opened, closed])
    counts = door.leases.counts
    assert (counts.voided, counts.local, counts.refused) == (1, 3, 7)
    await asyncio.to_thread(own_server.start)
    await until(lambda: door.leases.store_ok)


async def test_an_unknown_bucket_begins_with_a_full_share_when_the_store_is_away(own_server, fleet):
    door = await fleet(own_server, workers=2)
    own_server.kill()
    await until(lambda: not door.leases.store_ok)
    terms = TokenLimit("bucket", 0.001, 8, "local")
    assert sum([await door.passes(terms) for _ in range(8)]) == 4
    assert door.leases.counts.local == 4
    assert door.leases.remaining("bucket")[0] == 0
    await asyncio.to_thread(own_server.start)


async def test_a_store_that_hangs_costs_one_request_its_patience_and_the_others_nothing(own_server, fleet):
    door = await fleet(own_server, patience_s=0.05)
    terms = TokenLimit("bucket", 0.001, 8, "open")
    await until(lambda: door.leases.store_ok)
    own_server.process.send_signal(19)  # STOP
    began = time.monotonic()
    assert (await door.leases.take([terms])).voided
    assert time.monotonic() - began < 2.0
    assert not door.leases.store_ok
    assert door.leases.try_take([terms]).voided
    own_server.process.send_signal(18)  # CONT
    await until(lambda: door.leases.store_ok)


async def test_when_the_store_is_back_its_ledger_counts_again(own_server, fleet):
    door = await fleet(own_server, lease_s=0.3)
    terms = limit(own_server, 50.0, 5, old=True, on_store_error="open")
    own_server.kill()
    await until(lambda: not door.leases.store_ok)
    assert (await door.leases.take([terms])).voided
    await asyncio.to_thread(own_server.start)

    def counted():
        try:
            taken = door.leases.try_take([terms])
        except Throttled:
            return True
        if taken is None:
            door.tasks.append(asyncio.create_task(door.passes(terms)))
        return taken is not None and not taken.voided

    await until(counted)
    refused = [not await door.passes(terms) for _ in range(40)]
    assert any(refused)
