"""Rate contracts as calls meet them: exact limits, no over-use at the provider, and what happens when things die."""

import asyncio
import time

import pytest

from breakers.core.rates import ContractLimits
from breakers.guard.slots import Exhausted
from breakers.store.slots import SlotStore
from tests.breakers.slot_fleet import PREFIX, LedgerServer, Owner, Provider, hammer


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
async def fleet():
    """Makes owners: `await fleet(server, contract, ...)`; all of them vanish at the end."""
    owners = []

    async def join(server, *contracts, lease_s=1.0):
        owner = Owner(server, f"worker-{len(owners)}", lease_s=lease_s)
        owners.append(owner)
        return await owner.start(*contracts)

    yield join
    for owner in owners:
        await owner.stop()


async def open_ledger(server):
    """Contracts made after this are granted at once."""
    client = server.client()
    await SlotStore(client, PREFIX).wake()
    await client.aclose()
    await asyncio.sleep(0.002)


def contract(server, limit=5, period_s=30.0, timeout_s=0.2, *, id=1, age_ms=0, on_store_error="refuse"):
    return ContractLimits(id, limit, period_s, timeout_s, server.now_ms() - age_ms, on_store_error)


async def test_exactly_the_limit_passes_through_one_of_two_workers(server, fleet):
    await open_ledger(server)
    terms = contract(server)
    busy, _ = await fleet(server, terms), await fleet(server, terms)
    for _ in range(5):
        await busy.leases.take(1)
        busy.leases.settle(1)
    with pytest.raises(Exhausted) as refusal:
        await busy.leases.take(1)
    assert refusal.value.reason == "exhausted"
    assert 28 < refusal.value.retry_after_s <= 30


async def test_exactly_the_limit_passes_through_two_workers_in_turn(server, fleet):
    await open_ledger(server)
    terms = contract(server, 50)
    one, other = await fleet(server, terms), await fleet(server, terms)
    got = 0
    for _ in range(40):
        got += await one.takes(1, 1) + await other.takes(1, 1)
    assert got == 50


async def test_idle_slots_of_another_worker_are_handed_over_within_the_call(server, fleet):
    await open_ledger(server)
    terms = contract(server, 20)
    hoarder, busy = await fleet(server, terms), await fleet(server, terms)
    await hoarder.leases.take(1, max_wait_s=2.0)
    assert hoarder.leases.reading(1).idle >= 3
    began = time.monotonic()
    assert await busy.takes(1, 25) == 19
    assert time.monotonic() - began < 2.0


async def test_a_refusal_is_quick_when_others_have_nothing_to_give(server, fleet):
    await open_ledger(server)
    terms = contract(server, 4)
    one, other = await fleet(server, terms), await fleet(server, terms)
    assert await one.takes(1, 2, max_wait_s=1.0) + await other.takes(1, 2, max_wait_s=1.0) == 4
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(Exhausted):
            await other.leases.take(1)
    assert time.monotonic() - began < 0.25


async def test_no_sliding_window_at_the_provider_ever_sees_more_than_the_limit(server, fleet):
    await open_ledger(server)
    limit, period_s = 20, 0.5
    terms = contract(server, limit, period_s)
    provider, owners = Provider(), [await fleet(server, terms) for _ in range(2)]
    until = time.monotonic() + 2.0
    await asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(20)))
    assert provider.most_in_any(period_s) == limit


async def test_nearly_all_of_the_limit_is_used_by_two_workers_that_want_it(server, fleet):
    await open_ledger(server)
    limit, period_s = 50, 0.5
    terms = contract(server, limit, period_s)
    provider, owners = Provider(transit_s=0.0), [await fleet(server, terms) for _ in range(2)]
    until = time.monotonic() + 2.5
    await asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(15)))
    steady = [at for at in provider.arrivals if until - 2.0 <= at < until]
    assert provider.most_in_any(period_s) <= limit
    assert len(steady) > 0.9 * limit * 2.0 / period_s


async def test_a_worker_with_little_traffic_is_not_starved_by_a_greedy_one(server, fleet):
    await open_ledger(server)
    terms = contract(server, 20, 0.3)
    greedy, modest = await fleet(server, terms), await fleet(server, terms)
    provider, until = Provider(transit_s=0.0), time.monotonic() + 2.5
    crowd = asyncio.gather(*(hammer(greedy, 1, provider, until) for _ in range(30)))
    await asyncio.sleep(0.5)
    served = 0
    for _ in range(10):
        if await modest.takes(1, 1, max_wait_s=0.5):
            served += 1
            modest.leases.settle(1)
        await asyncio.sleep(0.1)
    await crowd
    assert served == 10


@pytest.mark.parametrize(("limit", "workers", "max_wait_s"), [(1, 2, 0.0), (2, 3, 0.3), (3, 5, 0.0)])
async def test_fewer_slots_than_workers_go_round_and_are_used(server, fleet, limit, workers, max_wait_s):
    await open_ledger(server)
    terms = contract(server, limit, 0.3)
    owners = [await fleet(server, terms) for _ in range(workers)]
    providers, until = [Provider(transit_s=0.0) for _ in owners], time.monotonic() + 3
    pairs = list(zip(owners, providers, strict=True)) * 10
    await asyncio.gather(*(hammer(owner, 1, provider, until, max_wait_s=max_wait_s) for owner, provider in pairs))
    whole = Provider()
    whole.arrivals = sorted(at for provider in providers for at in provider.arrivals)
    assert whole.most_in_any(0.299) <= limit
    assert len(whole.arrivals) >= 0.75 * limit * 3 / 0.3
    assert min(len(provider.arrivals) for provider in providers) >= 1


async def test_slots_of_a_killed_worker_return_only_after_lease_timeout_and_period(server, fleet):
    await open_ledger(server)
    terms = contract(server, 6, period_s=0.5, timeout_s=0.3)
    doomed, survivor = await fleet(server, terms), await fleet(server, terms)
    assert await doomed.takes(1, 6, max_wait_s=1.0) == 6
    await asyncio.sleep(0.15)
    await doomed.stop()
    died = time.monotonic()
    await asyncio.sleep(1.1)
    with pytest.raises(Exhausted) as refusal:
        await survivor.leases.take(1)
    assert 0.5 < refusal.value.retry_after_s < 0.8
    await survivor.leases.take(1, max_wait_s=3.0)
    assert 1.6 < time.monotonic() - died < 2.1  # 1.05 + 0.3 + 0.5, from a renewal up to 0.1 s before the end
    assert await survivor.takes(1, 9) == 5


async def test_a_killed_worker_never_leads_to_over_use(server, fleet):
    await open_ledger(server)
    limit, period_s = 20, 0.4
    terms = contract(server, limit, period_s, timeout_s=0.1)
    provider, owners = Provider(), [await fleet(server, terms, lease_s=0.4) for _ in range(2)]
    until = time.monotonic() + 3.0
    calls = asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(15)))
    for _ in range(2):
        await asyncio.sleep(0.9)
        await owners[1].stop()
        owners[1] = await fleet(server, terms, lease_s=0.4)
    await calls
    assert provider.most_in_any(period_s) <= limit


async def test_a_flushed_store_never_leads_to_over_use_and_owners_go_on(server, fleet):
    await open_ledger(server)
    limit, period_s = 20, 0.5
    terms = contract(server, limit, period_s)
    provider, owners = Provider(), [await fleet(server, terms, lease_s=0.5) for _ in range(2)]
    until = time.monotonic() + 3.2
    calls = asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(15)))
    await asyncio.sleep(1.0)
    server.flush()
    await asyncio.sleep(0.3)
    newcomer = await fleet(server, terms, lease_s=0.5)
    await asyncio.gather(calls, hammer(newcomer, 1, provider, until))
    assert provider.most_in_any(period_s) <= limit
    assert provider.longest_silence()[1] < 0.6


@pytest.mark.parametrize("append_only", [True, False])
async def test_a_restarted_store_never_leads_to_over_use(fleet, append_only):
    server = LedgerServer(append_only=append_only)
    try:
        await open_ledger(server)
        limit, period_s = 20, 0.5
        terms = contract(server, limit, period_s)
        provider, owners = Provider(), [await fleet(server, terms, lease_s=0.4) for _ in range(2)]
        until = time.monotonic() + 3.8
        calls = asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(15)))
        await asyncio.sleep(0.8)
        server.kill()
        await asyncio.sleep(0.6)  # longer than the lease
        await asyncio.to_thread(server.start)
        restarted = time.monotonic()
        owners.append(await fleet(server, terms, lease_s=0.4))
        await asyncio.gather(calls, hammer(owners[2], 1, provider, until))
        assert provider.most_in_any(period_s) <= limit
        assert [at for at in provider.arrivals if at > restarted + 0.42 + 0.2 + 0.5 + 0.2]
    finally:
        server.remove()


async def test_an_old_contract_waits_at_a_new_ledger_until_forgotten_calls_have_cooled(server, fleet):
    owner = await fleet(server, contract(server, period_s=0.4, timeout_s=0.1, age_ms=60_000), lease_s=0.2)
    with pytest.raises(Exhausted) as refusal:
        await owner.leases.take(1)
    assert 0.6 < refusal.value.retry_after_s < 0.72
    await owner.leases.take(1, max_wait_s=1.0)


async def test_without_the_store_a_worker_uses_what_it_owns_until_the_lease_ends(fleet):
    server = LedgerServer()
    try:
        await open_ledger(server)
        terms = contract(server, 8)
        owner = await fleet(server, terms)
        await owner.leases.take(1, max_wait_s=2.0)
        idle = owner.leases.reading(1).idle
        assert idle >= 2
        server.kill()
        await asyncio.sleep(0.2)
        assert not owner.leases.store_ok
        assert owner.leases.try_take(1)
        await asyncio.sleep(1.0)
        assert not owner.leases.try_take(1)
        assert not owner.leases.valid(1)
        with pytest.raises(Exhausted) as refusal:
            await owner.leases.take(1, max_wait_s=5.0)
        assert refusal.value.reason == "store"
        await asyncio.to_thread(server.start)
    finally:
        server.remove()


async def test_without_the_store_a_contract_that_says_allow_passes_and_counts_it(fleet):
    server = LedgerServer()
    try:
        await open_ledger(server)
        owner = await fleet(server, contract(server, 2, on_store_error="allow"), lease_s=0.3)
        assert await owner.takes(1, 2, max_wait_s=1.0) == 2
        server.kill()
        await asyncio.sleep(0.5)
        assert await owner.takes(1, 3) == 3
        for _ in range(5):
            owner.leases.settle(1)
        assert owner.leases.reading(1).voided == 3
    finally:
        server.remove()


async def test_a_short_absence_of_the_store_costs_no_slots(fleet):
    server = LedgerServer(append_only=True)
    try:
        await open_ledger(server)
        owner = await fleet(server, contract(server, 4), lease_s=0.3)
        assert await owner.takes(1, 3, max_wait_s=1.0) == 3
        server.process.send_signal(19)  # STOP: away, and back with everything
        await asyncio.sleep(0.8)
        assert not owner.leases.valid(1)
        server.process.send_signal(18)
        await asyncio.sleep(0.4)
        assert owner.leases.store_ok
        assert await owner.takes(1, 2) == 1
    finally:
        server.remove()


async def test_those_who_wait_are_served_in_order(server, fleet):
    await open_ledger(server)
    owner = await fleet(server, contract(server, 1, period_s=0.15))
    served = []

    async def call(name):
        await owner.leases.take(1, max_wait_s=2.0)
        served.append(name)
        owner.leases.settle(1)

    await call(0)
    began = time.monotonic()
    await asyncio.gather(*(call(name) for name in (1, 2, 3)))
    assert served == [0, 1, 2, 3]
    assert 0.44 < time.monotonic() - began < 0.8


async def test_waiting_ends_with_the_time_one_is_ready_to_wait(server, fleet):
    await open_ledger(server)
    owner = await fleet(server, contract(server, 1))
    await owner.leases.take(1)
    began = time.monotonic()
    with pytest.raises(Exhausted):
        await owner.leases.take(1, max_wait_s=0.2)
    assert 0.19 < time.monotonic() - began < 0.4


async def test_a_caller_that_gives_up_waiting_leaves_no_slot_behind(server, fleet):
    await open_ledger(server)
    owner = await fleet(server, contract(server, 1, period_s=0.1))
    await owner.leases.take(1)
    waiting = asyncio.create_task(owner.leases.take(1, max_wait_s=2.0))
    await asyncio.sleep(0.02)
    owner.leases.give_back(1)  # the one who waits is served now ...
    waiting.cancel()  # ... and leaves before it hears of it
    await asyncio.gather(waiting, return_exceptions=True)
    assert owner.leases.reading(1).idle == 1


async def test_a_lowered_limit_binds_the_whole_fleet_and_a_raised_one_frees_it(server, fleet):
    await open_ledger(server)
    terms = contract(server, 10, period_s=0.4)
    owners = [await fleet(server, terms) for _ in range(2)]
    provider = Provider(transit_s=0.0)
    until = time.monotonic() + 2.8
    calls = asyncio.gather(*(hammer(owner, 1, provider, until) for owner in owners for _ in range(10)))
    await asyncio.sleep(0.6)
    changes = []
    for limit in (3, 12):
        for owner in owners:
            owner.leases.configure({1: ContractLimits(1, limit, 0.4, 0.2, terms.created_at_ms, "refuse")})
        changes.append(time.monotonic())
        await asyncio.sleep(1.1)
    await calls
    lowered, raised = changes
    arrivals = provider.arrivals
    provider.arrivals = [at for at in arrivals if lowered + 0.6 < at < raised]
    assert provider.most_in_any(0.4) == 3
    provider.arrivals = [at for at in arrivals if at > raised]
    assert provider.most_in_any(0.4) == 12


def holds(leases, id):
    try:
        leases.reading(id)
    except KeyError:
        return False
    return True


async def test_a_contract_that_is_gone_gives_its_slots_back_after_its_last_call(server, fleet):
    await open_ledger(server)
    terms = contract(server, 4, period_s=0.2)
    owner, other = await fleet(server, terms), await fleet(server, terms)
    await owner.leases.take(1, max_wait_s=2.0)
    owner.leases.configure({})
    owner.leases.settle(1)
    for _ in range(100):
        if not holds(owner.leases, 1):
            break
        await asyncio.sleep(0.05)
    assert not holds(owner.leases, 1)
    assert await other.takes(1, 5) == 4


async def test_a_worker_that_closes_gives_idle_slots_back_at_once(server, fleet):
    await open_ledger(server)
    terms = contract(server, 10)
    leaver, other = await fleet(server, terms), await fleet(server, terms)
    await leaver.leases.take(1, max_wait_s=2.0)
    leaver.leases.settle(1)
    for task in leaver.tasks:
        task.cancel()
    await leaver.leases.close()
    assert await other.takes(1, 12) == 9


async def test_who_goes_first_gets_a_slot_in_the_midst_of_a_crowd_and_no_window_sees_more(server, fleet):
    await open_ledger(server)
    terms = contract(server, 1, 0.3)
    crowded, sagas = [await fleet(server, terms) for _ in range(2)], await fleet(server, terms)
    provider, until = Provider(transit_s=0.0), time.monotonic() + 4
    crowd = [asyncio.create_task(hammer(owner, 1, provider, until)) for owner in crowded for _ in range(20)]
    await asyncio.sleep(0.8)
    waited = []
    for number in range(5):
        began, name = time.monotonic(), f"refund-{number}"
        while True:
            try:
                await sagas.leases.reserve(1, name, 30, first=True)
                break
            except Exhausted:
                await asyncio.sleep(0.15)
        waited.append(time.monotonic() - began)
        await provider.call()
        await sagas.leases.release(1, name)
    await asyncio.gather(*crowd)
    assert max(waited) < 0.8, waited
    assert provider.most_in_any(0.299) <= 1
    assert len(provider.arrivals) >= 8


async def test_a_reservation_is_found_even_when_another_worker_holds_all_idle_slots(server, fleet):
    await open_ledger(server)
    terms = contract(server, 3, period_s=0.3)
    hoarder, other = await fleet(server, terms), await fleet(server, terms)
    assert await hoarder.takes(1, 2, max_wait_s=1.0) == 2
    hoarder.leases.give_back(1)
    hoarder.leases.give_back(1)
    for order in ("a", "b", "c"):
        await other.leases.reserve(1, order, 30)
    await other.leases.reserve(1, "a", 30)
    with pytest.raises(Exhausted):
        await other.leases.reserve(1, "d", 30)
    await other.leases.release(1, "b")
    assert await hoarder.takes(1, 1) == 0
    await hoarder.leases.take(1, max_wait_s=1.0)
