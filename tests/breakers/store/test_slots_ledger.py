"""The ledger of slots in a real store: leases, lapses, reservations, and what a lost ledger must not forget."""

import asyncio
import json

import pytest
import redis

from breakers.core.rates import ContractLimits
from breakers.store.slots import Ask, SlotStore
from tests.breakers.slot_fleet import PREFIX, LedgerServer

NEVER_FORGOTTEN = 2**53 - 1  # a creation time after any start of the ledger


@pytest.fixture(scope="module")
def server():
    running = LedgerServer()
    yield running
    running.remove()


@pytest.fixture
async def store(server):
    server.flush()
    client = server.client()
    yield SlotStore(client, PREFIX, lease_s=0.1)
    await client.aclose()


class Voice:
    """One owner that says exactly what a test tells it to say."""

    def __init__(self, store: SlotStore, holder: str) -> None:
        self.store, self.holder, self.seq = store, holder, 0

    def ask(self, keep=0, *, want=0, need=0, limit=10, ready_ms=-1, valid=True, period_ms=200, created=NEVER_FORGOTTEN):
        return Ask(1, self.holder, keep, valid, want, need, ready_ms, limit, 50, period_ms, created)

    async def says(self, keep=0, *, seq=None, **rest):
        self.seq = seq or self.seq + 1
        (answer,) = await self.store.exchange(self.seq, [self.ask(keep, **rest)])
        return answer


def limits(limit=2, *, created=NEVER_FORGOTTEN, period_s=0.2):
    return ContractLimits(1, limit, period_s, 0.05, created)


@pytest.fixture
def ours(store):
    return Voice(store, "ours")


@pytest.fixture
def theirs(store):
    return Voice(store, "theirs")


async def test_about_half_of_what_is_free_is_leased_so_that_others_find_some(ours, theirs):
    assert (await ours.says(want=100)).owned == 5
    assert (await theirs.says(want=100)).owned == 3
    assert (await ours.says(5, want=100)).owned == 6
    assert (await ours.says(6, want=100)).owned == 7
    assert (await theirs.says(3, want=100)).owned == 3


async def test_no_more_is_leased_than_is_wanted(ours):
    assert (await ours.says(want=2)).owned == 2


async def test_what_an_owner_no_longer_keeps_is_free_at_once(ours, theirs):
    await ours.says(want=100)
    await ours.says(5, want=100)
    assert (await ours.says(2)).owned == 2
    assert (await theirs.says(want=100)).owned == 4


async def test_slots_of_a_silent_owner_stay_taken_until_lease_timeout_and_period_are_over(ours, theirs):
    await ours.says(want=1, limit=1)
    await asyncio.sleep(0.105 + 0.05 + 0.2 - 0.06)
    refused = await theirs.says(want=1, limit=1)
    assert refused.owned == 0
    assert 0 < refused.wait_ms <= 60
    await asyncio.sleep(refused.wait_ms / 1000 + 0.005)
    assert (await theirs.says(want=1, limit=1)).owned == 1
    assert (await ours.says(1, limit=1)).owned == -1


async def test_an_owner_that_was_silent_for_a_while_goes_on_with_what_nobody_was_given(ours, theirs):
    await ours.says(want=1, limit=1)
    await asyncio.sleep(0.2)
    assert (await ours.says(1, limit=1, valid=False)).owned == 1


async def test_a_message_that_comes_late_changes_nothing(ours, theirs):
    await ours.says(want=2, seq=2)
    await ours.says(2, want=2, seq=4)
    assert (await ours.says(0, seq=3)).owned == 4
    assert (await theirs.says(want=100)).owned == 3


async def test_a_message_that_is_sent_twice_is_answered_alike(ours):
    assert (await ours.says(want=3, seq=1)).owned == 3
    assert (await ours.says(want=3, seq=1)).owned == 3


async def test_claims_that_the_ledger_does_not_know_are_refused(ours):
    assert (await ours.says(3)).owned == -1


async def test_who_needs_slots_is_heard_by_those_who_have_idle_ones(ours, theirs, server):
    with redis.Redis(port=server.port).pubsub() as ear:
        ear.subscribe(f"{PREFIX}:push")
        ear.get_message(timeout=1)
        await ours.says(want=4, limit=4)
        await ours.says(2, want=4, limit=4)
        await ours.says(3, want=4, limit=4)
        await ours.says(4, ready_ms=0, limit=4)
        hungry = await theirs.says(want=2, need=2, limit=4)
        assert hungry.elsewhere
        assert json.loads(ear.get_message(timeout=1)["data"]) == {"k": "slots", "ids": [1]}
        assert (await ours.says(4, ready_ms=0, limit=4)).owed == 2
        await ours.says(2, ready_ms=0, limit=4)
        assert json.loads(ear.get_message(timeout=1)["data"]) == {"k": "slots", "ids": [1]}
        assert (await theirs.says(want=2, need=2, limit=4)).owned == 1
        assert ear.get_message(timeout=0.05) is None


async def test_an_owner_in_need_itself_owes_no_more_than_its_fair_share_leaves(ours, theirs):
    for keep in (0, 5, 8, 9):
        await ours.says(keep, want=100)
    assert (await theirs.says(want=9, need=9)).owned == 0
    assert (await ours.says(10, need=3)).owed == 5
    assert (await ours.says(10)).owed == 9


async def test_a_lowered_limit_is_owed_by_its_owners(ours):
    await ours.says(want=5)
    assert (await ours.says(5, limit=2)).owed == 3


async def test_nothing_is_granted_to_older_contracts_until_forgotten_calls_have_cooled(ours, server):
    created = server.now_ms() - 1000
    refused = await ours.says(want=1, created=created)
    assert refused.owned == 0
    assert 300 < refused.wait_ms <= 355
    await asyncio.sleep(refused.wait_ms / 1000 + 0.005)
    assert (await ours.says(want=1, created=created)).owned == 1


async def test_a_contract_created_after_the_ledger_is_granted_at_once(store, ours, server):
    await store.wake()
    await asyncio.sleep(0.002)
    assert (await ours.says(want=1, created=server.now_ms())).owned == 1


async def test_after_a_flush_an_owner_keeps_what_it_has_and_nobody_gets_more(store, ours, theirs, server):
    created = server.now_ms() - 1000
    await store.wake()
    await asyncio.sleep(0.36)
    assert (await ours.says(want=5, created=created)).owned == 5
    server.flush()
    assert (await theirs.says(want=5, created=created)).owned == 0
    assert (await ours.says(5, want=5, created=created)).owned == 5
    assert (await Voice(store, "lapsed").says(2, valid=False, created=created)).owned == -1
    await asyncio.sleep(0.3)
    await ours.says(5, created=created)
    await asyncio.sleep(0.06)
    assert (await theirs.says(want=9, created=created)).owned == 3


async def test_a_restart_with_all_data_still_holds_back_what_its_last_second_may_have_lost():
    server = LedgerServer(append_only=True)
    client = server.client()
    store = SlotStore(client, PREFIX, lease_s=0.1)
    ours = Voice(store, "ours")
    try:
        await store.wake()
        created = server.now_ms() + 1
        await asyncio.sleep(0.002)
        assert (await ours.says(want=1, created=created)).owned == 1
        server.kill()
        server.start()
        await client.connection_pool.disconnect()
        again = await ours.says(1, want=5, created=created)
        assert again.owned == 1
        assert again.wait_ms > 200
    finally:
        await client.aclose()
        server.remove()


async def test_a_reservation_is_one_slot_under_a_name(store, ours):
    assert await store.reserve(limits(), "order-1", 5) == (1, 0)
    assert await store.reserve(limits(), "order-1", 5) == (1, 0)
    assert (await ours.says(want=9, limit=2)).owned == 1
    assert (await store.reserve(limits(), "order-2", 5))[0] == 0


async def test_a_released_reservation_is_busy_for_one_period_more(store, ours):
    await store.reserve(limits(1), "order-1", 5)
    assert await store.release(limits(1), "order-1")
    assert not await store.release(limits(1), "order-1")
    await asyncio.sleep(0.15)
    assert (await ours.says(want=1, limit=1)).owned == 0
    await asyncio.sleep(0.06)
    assert (await ours.says(want=1, limit=1)).owned == 1


async def test_an_abandoned_reservation_cools_like_a_call(store, ours):
    await store.reserve(limits(1), "order-1", 0.05)
    await asyncio.sleep(0.05 + 0.05 + 0.1)
    assert (await ours.says(want=1, limit=1)).owned == 0
    assert (await store.reserve(limits(1), "order-1", 5))[0] == 0
    await asyncio.sleep(0.12)
    assert (await ours.says(want=1, limit=1)).owned == 1


async def test_an_owner_may_pass_a_slot_on_to_a_reservation(store, ours):
    await ours.says(want=1, limit=1)
    assert await store.reserve(limits(1), "order-1", 5, giver="ours", seq=2) == (2, 0)
    assert (await ours.says(0, want=1, limit=1, seq=3)).owned == 0
    await store.release(limits(1), "order-1")


async def test_nothing_is_reserved_while_the_ledger_may_have_forgotten_calls(store, server):
    source, wait_ms = await store.reserve(limits(created=server.now_ms() - 5000), "order-1", 5)
    assert source == 0
    assert wait_ms > 200


async def test_a_claim_gets_the_next_slot_before_everybody_else(store, ours, theirs):
    assert (await ours.says(want=1, limit=1)).owned == 1
    assert (await store.reserve(limits(1), "refund", 5, claim_s=5))[0] == 0
    assert (await ours.says(1, need=9, limit=1)).owed == 1
    assert (await ours.says(0, want=9, need=9, limit=1)).owned == 0
    assert (await theirs.says(want=9, need=9, limit=1)).owned == 0
    assert (await store.reserve(limits(1), "order", 5))[0] == 0
    assert (await store.reserve(limits(1), "refund", 5, claim_s=5))[0] == 1
    assert (await store.reserve(limits(1), "second refund", 5, claim_s=5))[0] == 0
    await store.release(limits(1), "refund")
    await asyncio.sleep(0.21)
    assert (await theirs.says(want=9, need=9, limit=1)).owned == 0
    assert (await store.reserve(limits(1), "second refund", 5, claim_s=5))[0] == 1


async def test_claims_take_no_more_than_they_are(store, ours, theirs):
    assert (await ours.says(want=4, limit=4)).owned == 2
    assert (await theirs.says(want=4, limit=4)).owned == 1
    assert (await store.reserve(limits(4), "first", 5, claim_s=5))[0] == 1
    assert (await store.reserve(limits(4), "second", 5, claim_s=5))[0] == 0
    assert (await ours.says(2, need=3, limit=4)).owed == 1
    assert (await ours.says(1, need=3, want=3, limit=4)).owned == 1
    assert (await theirs.says(1, need=3, want=3, limit=4)).owed <= 1
    assert (await store.reserve(limits(4), "second", 5, claim_s=5))[0] == 1


async def test_a_claim_that_nobody_comes_back_for_lapses(store, ours):
    assert (await ours.says(want=1, limit=1)).owned == 1
    assert (await store.reserve(limits(1), "gone", 5, claim_s=0.1))[0] == 0
    assert (await ours.says(0, need=1, want=1, limit=1)).owned == 0
    await asyncio.sleep(0.12)
    assert (await ours.says(0, need=1, want=1, limit=1)).owned == 1


async def test_who_has_slots_hears_of_a_claim_at_once(store, ours, server):
    await ours.says(want=1, limit=1)
    with redis.Redis(port=server.port) as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(f"{PREFIX}:push")
        heard.get_message(timeout=1)
        for _ in range(2):
            await store.reserve(limits(1), "refund", 5, claim_s=5)
        message = heard.get_message(timeout=1)
    assert json.loads(message["data"]) == {"k": "slots", "ids": [1]}


async def test_an_unused_contract_leaves_nothing_behind(ours, server):
    await ours.says(want=2)
    await ours.says(0)
    with redis.Redis(port=server.port) as client:
        assert client.hkeys(f"{{{PREFIX}:slots}}:ledger") == [b"alive"]
