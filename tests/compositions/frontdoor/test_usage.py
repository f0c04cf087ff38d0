"""Quotas at the front door, and what a consumer may ask about its own use: with a real ledger in a real database."""

import asyncio
from contextlib import suppress

import pytest

from breakers.models import QuotaLedger
from breakers.operations import consumers, keys, plans, stages, targets
from breakers.operations import usage as usage_operations
from compositions.operations import routes
from controlplane.kernel.access import Principal

from .inside import Inside, inside

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BY = Principal.system("tests")


@pytest.fixture
def configured(valkey, settings, tmp_path, downstream):
    """A key of `acme` in two plans, for two stages; the secret is what the fixture gives."""
    settings.LAST_GOOD = tmp_path / "last-good.json"
    targets.put("echo", {"base_url": downstream.url}, by=BY)
    stages.put("partners", {"base_path": "/partners"}, by=BY)
    plans.put(
        "gold",
        {
            "title": "Gold",
            "rate": 1000,
            "burst": 1000,
            "quota": {"limit": 5, "period": "DAY"},
            "on_store_error": "closed",
        },
        by=BY,
    )
    plans.put("partner", {"rate": 2, "stages": ["partners"]}, by=BY)
    plans.put("counting", {"quota": {"limit": 2, "period": "MONTH"}, "mode": "count"}, by=BY)
    for consumer in ("acme", "counter", "nobody"):
        consumers.put(consumer, {}, by=BY)
    integration = {"type": "target", "target": "echo"}
    guarded = {"path": "/things/{rest+}", "integration": integration, "api_key_required": True}
    routes.put("things", {**guarded, "stages": ["main", "partners"]}, by=BY)


def secret(consumer, *slugs, **fields):
    return keys.create(consumer, {"plans": list(slugs), "title": "test", **fields}, by=BY)


@pytest.fixture
async def door(configured):
    async with inside() as opened:
        yield opened


async def caught_up(door: Inside) -> None:
    await door.plane.config.refresh(database=True)


async def until(condition) -> None:
    for _ in range(500):
        with suppress(AssertionError):
            if await condition():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


async def usage(door, text):
    return await door.ask("/-/usage", "GET", ("X-API-Key", text))


async def call(door, text):
    """One request that is decided: a ledger too slow to answer in time refuses, and counts nothing."""
    for _ in range(200):
        answer = await door.ask("/things/x", "GET", ("X-API-Key", text))
        if answer.status != 503:
            break
        await asyncio.sleep(0.05)
    return answer


async def test_a_quota_lets_through_exactly_what_it_says_and_then_tells_when_it_begins_anew(door):
    _, text = secret("acme", "gold")
    await caught_up(door)
    answers = [await call(door, text) for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    refused = answers[-1]
    assert refused.kind == (429, "quota-exceeded")
    document = refused.json()
    assert (document["plan"], document["scope"]) == ("gold", "client")
    assert (document["window"]["period"], document["window"]["limit"]) == ("DAY", 5)
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert document["window"]["resets_at"].endswith("00:00:00Z")
    assert '"gold quota";q=5;w=86400' in refused.headers["ratelimit-policy"]
    assert '"gold quota";r=0;' in refused.headers["ratelimit"]
    assert '"gold quota";r=4;' in answers[0].headers["ratelimit"]
    assert QuotaLedger.objects.get().drawn == 5


async def test_a_refusal_by_the_quota_gives_its_token_back(door):
    plans.put("slow", {"rate": 0.01, "burst": 1000, "quota": {"limit": 5, "period": "DAY"}}, by=BY)
    _, text = secret("acme", "slow")
    await caught_up(door)
    for _ in range(8):
        await call(door, text)
    left, _ = door.plane.admission.tokens.remaining("plan:slow@acme")
    assert left == 1000 - 5


async def test_usage_tells_each_plan_of_the_key_in_each_stage_with_what_is_left(door):
    _, text = secret("acme", "gold", "partner")
    await caught_up(door)
    for _ in range(2):
        await call(door, text)
    answer = await usage(door, text)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    document = answer.json()
    assert document["consumer"] == "acme"
    gold, partner = document["plans"]
    assert (gold["plan"], gold["stage"], gold["rate"], gold["burst"]) == ("gold", "main", 1000, 1000)
    assert (partner["plan"], partner["stage"], partner["burst"], partner["quota"]) == ("partner", "partners", 2, None)
    quota = gold["quota"]
    assert (quota["limit"], quota["period"], quota["used"], quota["left"]) == (5, "DAY", 2, 3)
    assert quota["resets_at"].endswith("Z")
    assert text not in answer.body.decode()


async def test_asking_for_usage_costs_nothing(door):
    _, text = secret("acme", "gold")
    await caught_up(door)
    for _ in range(10):
        assert (await usage(door, text)).json()["plans"][0]["quota"]["left"] == 5
    assert [(await call(door, text)).status for _ in range(5)] == [200] * 5


async def test_each_key_that_does_not_work_is_told_so_here_too(door):
    row, revoked = secret("acme", "gold")
    keys.revoke(row.pk, by=BY, reason="leaked")
    old, rotated = secret("nobody", "gold")
    _, successor = keys.rotate(old.pk, grace_s=0, by=BY, reason="yearly")
    await caught_up(door)
    assert (await door.ask("/-/usage")).kind == (401, "api-key-missing")
    assert (await usage(door, "sgk_not-a-key-of-anybody")).kind == (401, "api-key-unknown")
    assert (await usage(door, revoked)).kind == (401, "api-key-revoked")
    assert (await usage(door, rotated)).kind == (401, "api-key-retired")
    assert (await usage(door, successor)).status == 200
    assert (await door.ask("/-/usage", "DELETE")).status == 405
    assert (await door.ask("/-/usage/of-others")).status == 404


async def test_a_key_in_its_grace_and_its_successor_share_one_quota(door):
    old, before = secret("acme", "gold")
    _, after = keys.rotate(old.pk, grace_s=3600, by=BY, reason="yearly")
    await caught_up(door)
    statuses = [(await call(door, text)).status for text in (before, after) * 4]
    assert statuses == [200] * 5 + [429] * 3


async def test_a_plan_that_only_counts_lets_pass_what_its_quota_would_refuse(door):
    _, text = secret("counter", "counting")
    await caught_up(door)
    assert [(await call(door, text)).status for _ in range(4)] == [200] * 4


async def test_a_reset_and_an_extension_bind_within_about_a_second(door):
    row, text = secret("acme", "gold")
    await caught_up(door)

    async def allowed():
        return (await call(door, text)).status == 200

    while await allowed():
        pass
    usage_operations.extend(row.pk, 2, by=BY, reason="a good customer")
    await until(allowed)
    while await allowed():
        pass
    usage_operations.reset(row.pk, by=BY, reason="counted twice")
    await until(allowed)


async def test_what_is_held_at_a_graceful_end_goes_back(configured):
    plans.put("large", {"quota": {"limit": 10_000, "period": "MONTH"}}, by=BY)
    _, text = secret("acme", "large")
    async with inside("leaving") as door:
        for _ in range(60):
            assert (await call(door, text)).status == 200
    assert QuotaLedger.objects.get().drawn == 60


async def test_two_front_doors_give_no_more_than_one_would(configured):
    _, text = secret("acme", "gold")
    async with inside("one") as one, inside("two") as two:
        asked = [call(door, text) for door in (one, two) * 10]
        statuses = [answer.status for answer in await asyncio.gather(*asked)]
    assert (statuses.count(200), statuses.count(429)) == (5, 15)


async def test_a_key_of_another_stage_opens_its_own_alone(door):
    _, text = secret("acme", "partner")
    await caught_up(door)
    assert (await call(door, text)).kind == (403, "api-key-wrong-stage")
    assert (await door.ask("/partners/things/x", "GET", ("X-API-Key", text))).status == 200
