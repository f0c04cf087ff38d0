"""The ledger of rate limits in a real store: levels, leases, late messages, and what a lost ledger must not forget."""

import asyncio
import json
import random

import pytest
import redis

from breakers.core.allowances import Ask
from breakers.store.allowances import AllowanceStore
from tests.breakers.slot_fleet import PREFIX, LedgerServer
from tests.breakers.token_fleet import most_over

YOUNG = 2**52 // 1000  # created after any start of the ledger, in ms


@pytest.fixture(scope="module")
def server():
    running = LedgerServer()
    yield running
    running.remove()


@pytest.fixture
async def store(server):
    server.flush()
    client = server.client()
    yield AllowanceStore(client, PREFIX, lease_s=1.0)
    await client.aclose()


class Voice:
    """One holder that says exactly what a test tells it to say."""

    def __init__(self, store, name):
        self.store, self.name, self.seq = store, name, 0

    async def says(self, keep=0, *, back=0, need=0, want=0, age_s=0.0, rate=0.001, burst=10, created=YOUNG, seq=None):
        self.seq = seq or self.seq + 1
        ask = Ask("bucket", keep, back, need, max(want, need), int(age_s * 1e6), rate, burst, created)
        (answer,) = await self.store.exchange(self.name, self.seq, [ask])
        return answer


@pytest.fixture
def ours(store):
    return Voice(store, "ours")


@pytest.fixture
def theirs(store):
    return Voice(store, "theirs")


async def test_a_bucket_begins_full_and_gives_what_is_needed(ours):
    assert (await ours.says(need=4)).granted == 4
    answer = await ours.says(need=20)
    assert answer.granted == 6
    assert answer.left < 0.01


async def test_of_what_is_wanted_beyond_need_half_is_left_when_others_hold_tokens(ours, theirs):
    assert (await ours.says(need=1)).granted == 1
    assert (await theirs.says(want=9)).granted == 4


async def test_what_is_needed_elsewhere_is_not_leased_ahead(ours, theirs):
    await theirs.says(need=10)
    await ours.says(need=1)
    assert (await theirs.says(2, back=3, want=2)).granted == 0
    assert (await ours.says(need=1)).granted == 1


async def test_tokens_used_come_back_by_the_rate_only(ours):
    await ours.says(need=10)
    answer = await ours.says(0, need=1)
    assert (answer.granted, answer.next_us > 900_000_000) == (0, True)


async def test_tokens_given_back_are_there_at_once(ours, theirs):
    await ours.says(need=10)
    await ours.says(2, back=5)
    assert (await theirs.says(need=10)).granted == 5


async def test_no_more_is_given_back_than_was_leased(ours, theirs):
    await ours.says(need=3)
    await ours.says(0, back=9)
    assert (await theirs.says(need=20)).granted == 10


async def test_the_next_token_is_foretold(ours):
    assert (await ours.says(need=2, rate=4.0, burst=2)).granted == 2
    answer = await ours.says(0, need=1, rate=4.0, burst=2)
    assert 100_000 < answer.next_us <= 250_000


async def test_a_lease_that_is_not_renewed_takes_its_tokens_with_it(ours, theirs):
    await ours.says(need=8)
    await asyncio.sleep(1.1)
    answer = await theirs.says(need=20)
    assert answer.granted == 2
    assert (await ours.says(8)).state == "lost"


async def test_renewing_in_time_keeps_a_lease(ours):
    await ours.says(need=8)
    for _ in range(5):
        await asyncio.sleep(0.3)
        assert (await ours.says(8)).state == "held"


async def test_a_message_that_comes_late_or_twice_changes_nothing(ours, theirs):
    await ours.says(need=6)
    await ours.says(4, seq=3)
    assert (await ours.says(0, back=6, seq=2)).granted == 0
    assert (await theirs.says(need=20)).granted == 4
    assert (await ours.says(4, seq=4)).state == "held"


async def test_an_answer_that_was_lost_costs_its_tokens(ours, theirs):
    await ours.says(need=6)  # the answer is lost: the next message keeps nothing
    await ours.says(0, need=1)
    assert (await theirs.says(need=20)).granted == 3


async def test_late_news_of_use_brings_back_what_was_spilled_since(ours):
    assert (await ours.says(need=1, rate=10.0, burst=1)).granted == 1
    await asyncio.sleep(0.15)
    assert (await ours.says(0, need=1, age_s=0.14, rate=10.0, burst=1)).granted == 1
    await asyncio.sleep(0.15)
    assert (await ours.says(0, need=1, age_s=0.0, rate=10.0, burst=1)).granted == 0


async def test_a_refused_holder_has_the_others_told_and_hears_of_their_answer(server, ours, theirs):
    with redis.Redis(port=server.port) as client, client.pubsub(ignore_subscribe_messages=True) as ear:
        ear.subscribe(f"{PREFIX}:push")
        ear.get_message(timeout=1.0)
        await ours.says(want=10)
        answer = await theirs.says(need=1)
        assert (answer.granted, answer.elsewhere) == (0, True)
        assert json.loads(ear.get_message(timeout=1.0)["data"]) == {"k": "tokens", "ids": ["bucket"]}
        await ours.says(5, back=5)
        assert json.loads(ear.get_message(timeout=1.0)["data"]) == {"k": "tokens", "ids": ["bucket"]}
        assert (await theirs.says(need=1)).granted == 1


async def test_a_refusal_is_final_once_the_others_have_said_that_they_need_theirs(ours, theirs):
    await ours.says(want=10)
    final = []
    for _ in range(20):  # a pause of this process may make it time to tell them again
        assert (await theirs.says(need=1)).elsewhere
        await ours.says(10, need=1)
        final.append(not (await theirs.says(need=1)).elsewhere)
        await asyncio.sleep(0.06)
    assert any(final)


async def test_new_terms_never_refill_and_lower_the_level_to_a_lower_burst(ours):
    await ours.says(need=8)
    assert (await ours.says(0, burst=100, rate=0.002)).left < 2.1
    assert (await ours.says(0, burst=1)).left == 1.0
    assert (await ours.says(0, burst=10)).left < 1.1


async def test_a_higher_rate_counts_from_when_it_is_first_said(ours):
    await ours.says(need=10)
    await asyncio.sleep(0.05)
    assert (await ours.says(0, need=1, rate=1000.0)).granted == 0


async def test_a_bucket_is_forgotten_when_it_is_full(server, ours):
    await ours.says(need=1, rate=1000.0)
    await ours.says(0, rate=1000.0)
    with redis.Redis(port=server.port) as client:
        (key,) = client.keys("*:bucket:*")
        assert 0 < client.pttl(key) < 3000


@pytest.mark.parametrize("created", [0, 1])
async def test_a_new_ledger_is_blind_for_a_lease_and_then_fills_unknown_buckets_from_zero(ours, created):
    answer = await ours.says(need=1, rate=100.0, burst=1000, created=created)
    assert (answer.state, answer.granted) == ("blind", 0)
    assert 500_000 < answer.next_us <= 1_050_000
    await asyncio.sleep(answer.next_us / 1e6)
    answer = await ours.says(rate=100.0, burst=1000, created=created)
    assert (answer.state, answer.left < 500) == ("held", True)


async def test_a_flush_takes_every_lease_and_shows(server, ours):
    await ours.says(need=3)
    server.flush()
    assert (await ours.says(3, created=0)).state == "blind"


async def test_a_restart_that_kept_its_data_does_not_trust_it():
    server = LedgerServer(append_only=True)
    client = server.client()
    try:
        ours = Voice(AllowanceStore(client, PREFIX, lease_s=0.2), "ours")
        assert (await ours.says(need=1, created=server.now_ms() + 1000)).granted == 1
        server.kill()
        await asyncio.to_thread(server.start)
        await client.connection_pool.disconnect()
        assert (await ours.says(1, created=1)).state == "blind"
        await asyncio.sleep(0.25)
        assert (await ours.says(need=1, created=1)).granted == 0
    finally:
        await client.aclose()
        server.remove()


async def test_many_buckets_travel_in_one_exchange_and_answers_keep_their_order(store):
    asks = [Ask(f"bucket {i}", 0, 0, 1 + i % 3, 1 + i % 3, 0, 1.0, 5, YOUNG) for i in range(3000)]
    answers = await store.exchange("ours", 1, asks, every_part=True)
    assert [answer.granted for answer in answers] == [1 + i % 3 for i in range(3000)]


async def test_keys_of_one_part_share_a_hash_tag_and_nothing_else_is_written(server, store):
    await store.exchange("ours", 1, [Ask("x", 0, 0, 1, 1, 0, 1.0, 5, YOUNG)], every_part=True)
    with redis.Redis(port=server.port) as client:
        keys = sorted(key.decode() for key in client.scan_iter())
    assert len(keys) == 17
    assert all(key.startswith(f"{{{PREFIX}:allow:") for key in keys)


async def test_random_holders_never_use_more_than_burst_and_rate_in_any_span(store, server):
    rate, burst, chance = 2000.0, 20, random.Random(5)
    used, kept = [], dict.fromkeys("abc", 0)
    voices = {name: Voice(store, name) for name in kept}
    for _ in range(400):
        name = chance.choice("abc")
        before = kept[name]
        kept[name] -= chance.randint(0, before)
        used += [asyncio.get_running_loop().time()] * (before - kept[name])
        answer = await voices[name].says(kept[name], need=chance.randint(0, 12), rate=rate, burst=burst)
        kept[name] = answer.granted + (kept[name] if answer.state == "held" else 0)
        if chance.random() < 0.02:
            kept[name] = 0
    # The loop's clock and the server's are the same one; 1e-3 is for rounding to microseconds.
    assert len(used) > 100
    assert most_over(used, rate, burst) <= 1e-3
