"""The inbound door in one process: which routes have a gate, the order in which gates are asked, what is recorded."""

import asyncio
import contextlib

import pytest
import redis

from breakers.admission.challenges import WebReply
from breakers.admission.door import Inbound
from breakers.admission.errors import (
    Blocked,
    BlockedByRate,
    ChallengeRequired,
    KeyMissing,
    NotAdmitted,
    NotTrusted,
    Throttled,
)
from breakers.store.usage import UsageReading

from .configured import key, keys, plan, route, rule, stage, throttle

PROXY = {"type": "trusted_header", "header": "X-User", "from": ["10.0.0.0/8"]}
KEYED = {"api_key_required": True}


def inbound(*fields: tuple[str, str], method: str = "GET", path: str = "/x", peer: str = "203.0.113.7", **more):
    headers = [(b"host", b"h"), *((name.lower().encode(), value.encode()) for name, value in fields)]
    given = {"counted_as": method, "raw_path": path, "query": "", "sources": [], "body_bytes": 0, **more}
    return Inbound(method=method, path=path, headers=headers, peer=peer, **given)


@pytest.fixture
async def door(fleet, plane):
    async def configure(*pieces):
        for piece in pieces:
            fleet.pieces[piece.key] = piece
        fleet.version += 1
        await plane.config.refresh(database=True)
        return plane.admission

    return configure


async def test_a_route_that_asks_nothing_has_no_gate(door):
    admission = await door(stage("main"), route("open", "/x", "t"), route("keyed", "/y", "t", **KEYED))
    assert admission.gate("main", "open") is None
    assert admission.gate("main", "keyed") is not None
    assert admission.gate("other", "keyed") is None, "the route is not in this stage"


@pytest.mark.parametrize(
    "cause",
    [
        route("open", "/x", "t", authorizer=PROXY),
        rule("any", "count"),
        stage("main", rate=5),
        throttle("all", "account", rate=5),
        throttle("post", "method", method="POST", rate=5),
    ],
    ids=["authorizer", "rule", "stage", "account", "method"],
)
async def test_whatever_asks_something_makes_a_gate(door, cause):
    admission = await door(stage("main"), route("open", "/x", "t", "GET", "POST"), cause)
    assert admission.gate("main", "open") is not None


async def test_a_limit_or_rule_of_elsewhere_makes_none(door):
    admission = await door(
        stage("main"),
        stage("other"),
        route("open", "/x", "t"),
        rule("far", "block", stage="other"),
        rule("off", "block", enabled=False),
        throttle("far", "route", route="another", rate=5),
        throttle("post", "method", method="POST", rate=5),
        plan("gold", rate=1),
    )
    assert admission.gate("main", "open") is None


async def test_the_gates_are_asked_in_order_and_the_first_that_refuses_decides(door):
    admission = await door(
        stage("main", rate=0.01, burst=1),
        plan("gold"),
        *keys(key("good", "acme", "gold")),
        route("all", "/x", "t", authorizer=PROXY, **KEYED),
        rule("no-bots", "block", statement={"header": {"name": "user-agent", "contains": "bot"}}),
    )
    gate = admission.gate("main", "all")
    good, ann, bot = ("X-API-Key", "good"), ("X-User", "ann"), ("User-Agent", "bot")
    with pytest.raises(KeyMissing):
        await admission.admit(gate, inbound(ann, bot, peer="10.0.0.1"))
    with pytest.raises(NotTrusted):
        await admission.admit(gate, inbound(good, ann, bot))
    for _ in range(5):
        with pytest.raises(Blocked):
            await admission.admit(gate, inbound(good, ann, bot, peer="10.0.0.1"))
    admitted = await admission.admit(gate, inbound(good, ann, peer="10.0.0.1"))
    assert (admitted.consumer, admitted.caller) == ("acme", "ann")
    with pytest.raises(Throttled) as refused:
        await admission.admit(gate, inbound(good, ann, peer="10.0.0.1"))
    assert (refused.value.extra["scope"], refused.value.extra["source"]) == ("stage", "stage:main")


async def test_rules_know_whose_request_it_is_where_no_key_is_needed(door):
    """A key that would be refused says nothing here, and is no reason to refuse."""
    admission = await door(
        stage("main"),
        plan("gold", rate=0.01, burst=1),
        *keys(key("good", "acme", "gold"), key("revoked", "acme", "gold", revoked=True)),
        route("open", "/x", "t"),
        rule("once", "block", rate={"limit": 1, "window_s": 60, "keys": ["key"]}),
    )
    gate = admission.gate("main", "open")
    assert (await admission.admit(gate, inbound(("X-API-Key", "good")))).consumer == "acme"
    with pytest.raises(BlockedByRate) as refused:
        await admission.admit(gate, inbound(("X-API-Key", "good")))
    assert refused.value.status == 429
    assert refused.value.extra["window"] == {"limit": 1, "window_s": 60}
    assert (await admission.admit(gate, inbound(("X-API-Key", "revoked")))).consumer == ""


async def test_a_challenge_is_a_page_for_those_who_browse_and_an_address_for_the_others(door):
    admission = await door(stage("main"), route("open", "/x", "t"), rule("prove", "challenge", title="Prove it"))
    gate = admission.gate("main", "open")
    page = await admission.admit(gate, inbound(("Accept", "text/html"), query="a=1"))
    assert isinstance(page, WebReply)
    assert (page.status, dict(page.headers)[b"cache-control"]) == (403, b"no-store")
    assert b"/x?a=1" in page.body
    with pytest.raises(ChallengeRequired) as refused:
        await admission.admit(gate, inbound(("Accept", "application/json")))
    assert refused.value.extra["challenge"].startswith("/-/challenge")


async def test_the_key_and_the_pass_end_at_the_door(door):
    admission = await door(stage("main"), route("keyed", "/x", "t", **KEYED), rule("prove", "challenge"))
    gate = admission.gate("main", "keyed")
    headers = [("x-api-key", "k"), ("cookie", "a=1; switchgear-pass-main=xyz; b=2"), ("accept", "*/*")]
    admission.tidy(gate, headers)
    assert headers == [("cookie", "a=1; b=2"), ("accept", "*/*")]
    alone = [("cookie", "switchgear-pass-main=xyz")]
    admission.tidy(gate, alone)
    assert alone == []


async def test_only_a_stages_own_proxies_are_believed(door):
    admission = await door(stage("main"), stage("edge", trusted_proxies=["10.0.0.0/8"]))
    assert admission.client_of("edge", "10.0.0.1", ["198.51.100.7"]) == "198.51.100.7"
    assert admission.client_of("main", "10.0.0.1", ["198.51.100.7"]) == "10.0.0.1"
    assert admission.client_of("edge", "192.0.2.1", ["198.51.100.7"]) == "192.0.2.1"


async def test_every_request_is_recorded_once_with_what_became_of_it(door, valkey):
    admission = await door(
        stage("main"),
        plan("gold", rate=0.01, burst=1),
        plan("counting", rate=0.01, burst=1, mode="count"),
        *keys(key("good", "acme", "gold"), key("counted", "other", "counting")),
        route("keyed", "/x", "t", **KEYED),
        route("proxied", "/y", "t", authorizer=PROXY),
        rule("no-bots", "block", statement={"header": {"name": "user-agent", "is": "bot"}}),
    )
    keyed, proxied = admission.gate("main", "keyed"), admission.gate("main", "proxied")
    cases = [(keyed, ()), (proxied, ()), (keyed, (("X-API-Key", "good"), ("User-Agent", "bot")))]
    cases += [(keyed, (("X-API-Key", "good"),))] * 2 + [(keyed, (("X-API-Key", "counted"),))] * 2
    for gate, fields in cases:
        with contextlib.suppress(NotAdmitted):
            await admission.admit(gate, inbound(*fields))
    with redis.Redis.from_url(valkey) as store:
        reader = UsageReading(store, "sg")
        for _ in range(200):
            plans, places = await asyncio.to_thread(reader.totals)
            if sum(plans.values()) == len(cases):
                break
            await asyncio.sleep(0.05)
    assert plans == {
        ("", "unidentified"): 1,
        ("", "unauthorized"): 1,
        ("gold", "blocked"): 1,
        ("gold", "admitted"): 1,
        ("gold", "throttled:client"): 1,
        ("counting", "admitted"): 1,
        ("counting", "would_throttle"): 1,
    }
    assert places["main", "proxied", "unauthorized"] == 1


async def test_an_unchanged_configuration_keeps_what_it_has_learned(door, fleet, plane):
    admission = await door(stage("main"), plan("gold", rate=1), *keys(key("good", "acme", "gold")))
    await door(route("keyed", "/x", "t", **KEYED))
    gate, table = admission.gate("main", "keyed"), admission.keys
    await fleet.target("unrelated", "http://127.0.0.1:1")
    assert admission.gate("main", "keyed") is gate
    assert admission.keys is table
    await door(*keys(key("another", "acme", "gold")))
    assert admission.gate("main", "keyed") is gate, "a new key moves no gate"
    assert len(admission.keys) == 2


async def test_a_changed_route_is_another_gate_and_an_unchanged_one_the_same(door):
    admission = await door(stage("main"), route("one", "/x", "t", **KEYED), route("two", "/y", "t", **KEYED))
    one, two = admission.gate("main", "one"), admission.gate("main", "two")
    await door(route("one", "/x", "t", authorizer=PROXY, **KEYED))
    assert not admission.gate("main", "one").same(one)
    assert admission.gate("main", "two").same(two)


async def test_a_request_that_was_given_up_while_it_waited_gives_its_tokens_back(door):
    admission = await door(
        stage("main", rate=0.01, burst=5),
        plan("gold", quota={"limit": 10}, on_store_error="closed"),
        *keys(key("good", "acme", "gold")),
        route("keyed", "/x", "t", **KEYED),
    )
    gate = admission.gate("main", "keyed")
    waiting = asyncio.ensure_future(admission.admit(gate, inbound(("X-API-Key", "good"))))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.wait([waiting])
    left, _ = admission.tokens.remaining("stage:main")
    assert left == 5


async def test_it_says_which_limits_are_not_exact(door, valkey_server):
    admission = await door(
        stage("main", rate=100),
        route("open", "/x", "t"),
        rule("counted", "count", rate={"limit": 5, "window_s": 60, "keys": ["ip"]}),
    )
    gate = admission.gate("main", "open")
    await admission.admit(gate, inbound())
    admission.inexact()
    assert admission.inexact() == ()
    valkey_server.stop()
    try:
        async with asyncio.timeout(20):
            while not {"rates", "rules"} <= set(admission.inexact()):
                await asyncio.sleep(0.05)
                await admission.admit(gate, inbound())
    finally:
        valkey_server.start()
