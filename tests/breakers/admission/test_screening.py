"""The order of rules, what each action does, and windows that two screens share through a real store."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from breakers.admission.screening import Screen
from breakers.core.statements import Traits
from breakers.store.rules import read_minutes, read_rules, read_samples
from breakers.store.windows import WindowStore
from tests.breakers.admission.rules import rate, request, rule
from tests.servers.valkey import Valkey


def screen(*documents: dict[str, Any], now: Callable[[], float] = lambda: 1_000_000.0) -> Screen:
    made = Screen(now_ms=now)
    made.configure(documents)
    return made


def test_rules_are_asked_in_order_of_priority_until_one_ends_the_request() -> None:
    made = screen(
        rule("last", priority=30),
        rule("counted", priority=10, action="count"),
        rule("office", {"ip": ["192.0.2.0/24"]}, priority=20, action="allow"),
    )
    verdict = made.check(request())
    assert (verdict.action, verdict.rule, verdict.matched) == ("allow", "office", ("counted", "office"))
    verdict = made.check(request(ip="198.51.100.1"))
    assert (verdict.action, verdict.rule, verdict.matched) == ("block", "last", ("counted", "last"))


def test_a_label_that_a_rule_puts_on_is_there_for_later_rules_only() -> None:
    made = screen(
        rule("too-early", {"label": "robot"}, priority=1),
        rule(
            "agent", {"header": {"name": "User-Agent", "contains": "curl"}}, priority=2, action="count", label="robot"
        ),
        rule("and-then", {"all": [{"label": "robot"}, {"path": {"starts": "/buy"}}]}, priority=3),
        rule("or-else", {"not": {"label": "robot"}}, priority=4, action="count"),
    )
    assert made.check(request("/buy", headers={"user-agent": "curl/8"})).rule == "and-then"
    read = made.check(request("/read", headers={"user-agent": "curl/8"}))
    assert (read.action, read.matched, read.labels) == ("pass", ("agent",), frozenset(["robot"]))
    assert made.check(request("/buy", headers={"user-agent": "Mozilla"})).matched == ("or-else",)


def test_a_rule_of_a_stage_holds_there_and_a_disabled_one_nowhere() -> None:
    made = screen(rule("here", stage="partner"), rule("off", enabled=False))
    assert made.check(request(stage="partner")).rule == "here"
    assert made.check(request()).action == "pass"


def test_a_rate_rule_acts_above_its_limit_and_counts_what_it_refuses() -> None:
    now = [1_000_000.0]
    made = screen(rule("flood", {"path": {"starts": "/api/"}}, rate=rate(3)), now=lambda: now[0])
    assert [made.check(request("/api/x")).action for _ in range(5)] == ["pass"] * 3 + ["block"] * 2
    assert made.check(request("/other")).action == "pass"
    assert made.check(request("/api/x", ip="192.0.2.2")).action == "pass"
    verdict = made.check(request("/api/x"))
    assert verdict.rate is not None
    assert (verdict.rate.limit, verdict.rate.window_s) == (3, 60)
    assert verdict.retry_after_s == pytest.approx(60, abs=1)
    now[0] += 59_000
    assert made.check(request("/api/x")).action == "block"
    now[0] += 1_000  # what came in the first second has left the window
    assert made.check(request("/api/x")).action == "pass"


def test_keys_may_be_mixed_and_leaving_a_part_out_escapes_no_limit() -> None:
    made = screen(rule("flood", rate=rate(1, "ip", "header:X-Tenant", "key")))
    tenant = {"x-tenant": "a"}
    assert made.check(request(headers=tenant, key="1")).action == "pass"
    assert made.check(request(headers=tenant, key="2")).action == "pass"
    assert made.check(request(headers={"x-tenant": "b"}, key="1")).action == "pass"
    assert made.check(request(headers=tenant, key="1")).action == "block"
    assert [made.check(request()).action for _ in range(2)] == ["pass", "block"]
    together = screen(rule("all", rate={"limit": 1, "window_s": 60, "keys": []}))
    assert [together.check(request(ip=f"192.0.2.{n}")).action for n in range(2)] == ["pass", "block"]


def test_configuring_anew_keeps_the_windows_of_rules_that_count_the_same() -> None:
    flood = rule("flood", rate=rate(2))
    made = screen(flood)
    for _ in range(3):
        made.check(request())
    made.configure([flood | {"action": "count", "title": "Flood", "priority": 5}, rule("other", {"method": ["PUT"]})])
    assert made.check(request()).matched == ("flood",)
    made.configure([flood | {"rate": rate(2, "ip")}])
    assert made.check(request()).action == "pass"


def test_a_block_may_have_an_answer_of_its_own() -> None:
    answer = {"status": None, "body": "Nein.", "content_type": "text/plain; charset=utf-8"}
    verdict = screen(rule("no", answer=answer)).check(request())
    assert verdict.answer is not None
    assert (verdict.answer.status, verdict.answer.body) == (403, b"Nein.")
    verdict = screen(rule("no", answer=answer, rate=rate(1))).check(request())
    assert verdict.answer is None
    assert screen(rule("c", answer=answer, action="challenge")).check(request()).answer is None


class PassOf:
    def __init__(self, client: str) -> None:
        self.client = client

    def holds(self, traits: Traits) -> bool:
        return traits.client == self.client


def test_who_has_a_pass_is_not_challenged_and_goes_on_to_the_next_rule() -> None:
    made = Screen(now_ms=lambda: 1e6, passes=PassOf("192.0.2.1"))
    made.configure([rule("prove", action="challenge", priority=1), rule("no", {"path": {"is": "/no"}}, priority=2)])
    assert made.check(request()).action == "pass"
    assert made.check(request("/no")).rule == "no"
    assert made.check(request(ip="192.0.2.2")).action == "challenge"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["a", "b"])), max_size=150), st.integers(1, 20))
def test_a_rate_rule_decides_as_a_plain_list_of_all_requests_would(steps: list[tuple[float, str]], limit: int) -> None:
    now = [1_000_000.0]
    made = screen(rule("flood", rate=rate(limit, "header:x-c")), now=lambda: now[0] * 1000)
    came: list[tuple[float, str]] = []
    for step, client in steps:
        now[0] += step
        came.append((now[0], client))
        in_window = sum(who == client and int(now[0]) - 60 < int(at) for at, who in came)
        expected = "block" if in_window > limit else "pass"
        assert made.check(request(headers={"x-c": client})).action == expected


# Shared through the store ---------------------------------------------------------------------------------------------


@pytest.fixture
async def fleet(valkey: str) -> AsyncIterator[Callable[..., Screen]]:
    clients = []

    def join(*documents: dict[str, Any]) -> Screen:
        client = Redis.from_url(valkey, socket_timeout=0.5, socket_connect_timeout=0.25)
        clients.append(client)
        made = Screen(WindowStore(client, "sg"), now_ms=lambda: time.time() * 1000)
        made.configure(documents)
        return made

    yield join
    for client in clients:
        await client.aclose()


async def test_two_screens_count_as_one(fleet: Callable[..., Screen]) -> None:
    flood = rule("flood", rate=rate(10, window_s=600))
    one, two = fleet(flood), fleet(flood)
    for made in (one, two):
        assert [made.check(request()).action for _ in range(5)] == ["pass"] * 5
    await one.share()
    await two.share()
    await one.share()
    assert one.check(request()).action == "block"
    assert two.check(request()).action == "block"
    assert two.check(request(ip="192.0.2.9")).action == "pass"
    late = fleet(flood)
    assert late.check(request()).action == "pass"  # it has not heard of the others yet
    await late.share()
    assert late.check(request()).action == "block"


async def test_running_screens_hear_of_each_other_by_themselves(fleet: Callable[..., Screen]) -> None:
    flood = rule("flood", rate=rate(3, window_s=600))
    one, two = fleet(flood), fleet(flood)
    loops = [asyncio.create_task(made.run()) for made in (one, two)]
    try:
        for _ in range(3):
            one.check(request())
        for _ in range(200):
            if two.check(request()).action == "block":
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("The screens have not heard of each other.")
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def test_many_keys_travel_in_batches_and_all_arrive(fleet: Callable[..., Screen]) -> None:
    flood = rule("flood", rate=rate(1, window_s=600))
    one, two = fleet(flood), fleet(flood)
    addresses = [f"10.0.{n // 250}.{n % 250}" for n in range(600)]
    for address in addresses:
        one.check(request(ip=address))
    await one.share()
    for address in addresses:
        two.check(request(ip=address))
    await two.share()
    assert {two.check(request(ip=address)).action for address in addresses} == {"block"}


async def test_without_the_store_own_counts_go_on_and_are_told_when_it_is_back(
    valkey_server: Valkey, fleet: Callable[..., Screen]
) -> None:
    flood = rule("flood", rate=rate(4, window_s=600))
    one = fleet(flood)
    valkey_server.stop()
    try:
        assert [one.check(request()).action for _ in range(3)] == ["pass"] * 3
        await one.share()
        assert not one.store_ok
        assert [one.check(request()).action for _ in range(2)] == ["pass", "block"]
        await one.share()
        await one.tell()
    finally:
        valkey_server.start()
    async with asyncio.timeout(10):
        while not one.store_ok:
            await one.share()
            await asyncio.sleep(0.05)
    await one.tell()
    two = fleet(flood)
    two.check(request())
    await two.share()
    assert two.check(request()).action == "block"


async def test_windows_that_the_store_forgot_begin_anew(fleet: Callable[..., Screen], valkey: str) -> None:
    flood = rule("flood", rate=rate(5, window_s=600))
    one = fleet(flood)
    for _ in range(6):
        one.check(request())
    await one.share()
    with redis.Redis.from_url(valkey) as client:
        client.flushall()
    assert one.check(request()).action == "block"
    for _ in range(3):
        await one.share()
    assert one.check(request()).action == "pass"


# What rules did -------------------------------------------------------------------------------------------------------


async def test_what_a_counting_rule_would_have_blocked_can_be_read(fleet: Callable[..., Screen], valkey: str) -> None:
    one = fleet(rule("watch", {"path": {"starts": "/api/"}}, action="count"))
    for n in range(7):
        one.check(request("/api/x", ip=f"192.0.2.{n % 2}"))
    one.check(request("/else"))
    await one.tell()
    one.solved("watch")
    one.solved("nobody-knows-this-rule")
    await one.tell()
    now_ms = time.time() * 1000
    with redis.Redis.from_url(valkey) as client:
        reading = read_rules(client, "sg", ["watch"], now_ms, top=5)["watch"]
        assert reading.last_5_min == {"counted": 7, "passed": 1}
        assert reading.last_day == {"counted": 7, "passed": 1}
        assert reading.top == [("192.0.2.0", 4), ("192.0.2.1", 3)]
        hours = [int(now_ms // 3_600_000) - 1, int(now_ms // 3_600_000)]
        assert sum(read_minutes(client, "sg", ["watch"], hours)["watch"].values()) == 8
        samples = read_samples(client, "sg", "watch")
        assert 1 <= len(samples) <= 5
        assert {sample["path"] for sample in samples} == {"/api/x"}
        assert read_rules(client, "sg", ["nobody-knows-this-rule"], now_ms)["nobody-knows-this-rule"].last_day == {}


async def test_samples_show_no_credentials(fleet: Callable[..., Screen], valkey: str) -> None:
    one = fleet(rule("watch", action="count", rate=rate(1, "header:Authorization")))
    secret = "hunter2-hunter2"
    headers = {
        "authorization": f"Bearer {secret}",
        "cookie": f"session={secret}",
        "x-api-key": secret,
        "x-session-token": secret,
        "referer": f"https://shop.example/?token={secret}",
        "user-agent": "curl/8",
    }
    query = f"page=2&access_token={secret}&password={secret}&sig={secret}"
    for _ in range(3):
        one.check(request("/x", headers=headers, query=query))
    await one.tell()
    with redis.Redis.from_url(valkey) as client:
        (sample, *_) = read_samples(client, "sg", "watch")
        assert secret not in json.dumps(sample)
        assert ["page", "2"] in sample["query"]
        assert ["user-agent", "curl/8"] in sample["headers"]
        assert ["authorization", "(hidden)"] in sample["headers"]
        for key in client.keys("*"):
            kind = client.type(key)
            held = client.zrange(key, 0, -1) if kind == b"zset" else client.dump(key)
            assert secret.encode() not in key + (b"".join(held) if isinstance(held, list) else held or b"")


async def test_samples_and_keys_are_bounded(fleet: Callable[..., Screen], valkey: str) -> None:
    one = fleet(rule("watch", action="count"))
    for flush in range(60):
        for n in range(30):
            one.check(request(ip=f"10.{flush}.0.{n}"))
        await one.tell()
    with redis.Redis.from_url(valkey) as client:
        assert len(read_samples(client, "sg", "watch")) == 100
        assert [client.zcard(key) <= 200 for key in client.keys("*:top:*")] == [True] * len(client.keys("*:top:*"))
        assert all(client.ttl(key) > 0 for key in client.keys("*"))
