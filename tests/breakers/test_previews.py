"""A preview says whom a change touches, which limits differ where, and what of the capacity comes and goes."""

import time
from typing import Any

import pytest
import redis

from breakers import previews
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.operations import plans, stages, targets, throttles
from breakers.store.usage import Keys
from compositions.operations import routes
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

SYSTEM = Principal.system("test")
GOLD: dict[str, Any] = {"title": "Gold", "rate": 100, "overrides": [{"method": "POST", "rate": 5}]}

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def surroundings(valkey: str, db: None) -> None:
    targets.put(
        "payment", {"base_url": "http://127.0.0.1:9001", "contracts": [{"limit": 120, "period_s": 1}]}, by=SYSTEM
    )
    stages.put("beta", {"base_path": "/beta"}, by=SYSTEM)
    to = {"type": "target", "target": "payment", "path": "/"}
    routes.put(
        "pay",
        {"path": "/pay", "methods": ["GET", "PUT", "POST"], "integration": to, "api_key_required": True},
        by=SYSTEM,
    )
    routes.put("open", {"path": "/open", "stages": ["beta"], "integration": to}, by=SYSTEM)
    plans.put("gold", GOLD, by=SYSTEM)
    plans.put("free", {"rate": 1}, by=SYSTEM)
    for slug, plan in (("acme", "gold"), ("globex", "free")):
        owner = Consumer.objects.create(slug=slug)
        key = ApiKey.objects.create(id=f"k-{slug}", consumer=owner, hash=slug, created_at=clock.now())
        key.plans.set(UsagePlan.objects.filter(slug=plan))


def told(found: previews.Preview) -> list[tuple[str, str, tuple[str, ...], Any, Any]]:
    def rules(explained: Any) -> Any:
        return None if explained is None else [f"{each.limit.source} {each.limit.rate:g}" for each in explained]

    return [(c.stage, c.route, c.methods, rules(c.before), rules(c.after)) for c in found.changes]


def test_a_plans_change_touches_its_keys_where_its_limit_is_the_effective_one() -> None:
    found = previews.preview("plan", {"slug": "gold", **GOLD, "rate": 150})
    assert (found.keys, found.consumers, found.anybody) == (["k-acme"], ["acme"], False)
    assert told(found) == [("main", "pay", ("GET", "PUT"), ["plan:gold 100"], ["plan:gold 150"])]
    assert [each.code for each in found.appeared] == ["contract-exceeded", "burst-above-concurrency"]
    assert [each.code for each in found.gone] == ["burst-above-concurrency"]


def test_a_plan_that_leaves_a_stage_opens_nothing_there() -> None:
    found = previews.preview("plan", {"slug": "gold", **GOLD, "stages": ["beta"]})
    assert [(change.methods, change.after) for change in found.changes] == [(("GET", "PUT"), None), (("POST",), None)]
    new = previews.preview("plan", {"slug": "silver", "rate": 2})
    assert told(new) == [("main", "pay", ("GET", "PUT", "POST"), None, ["plan:silver 2"])]
    assert (new.keys, new.consumers) == ([], [])


def test_a_throttle_touches_everybody_whom_it_covers() -> None:
    found = previews.preview("throttle", {"slug": "puts", "scope": "method", "method": "PUT", "rate": 10})
    assert told(found) == [("main", "pay", ("PUT",), [], ["throttle:puts 10"])]
    assert (found.consumers, found.anybody) == (["acme", "globex"], False)
    throttles.put("all", {"scope": "account", "rate": 50}, by=SYSTEM)
    found = previews.preview("throttle", {"slug": "all", "scope": "account", "rate": 20})
    assert {change.route for change in found.changes} == {"open", "pay"}
    assert found.anybody


def test_a_stages_default_throttle_changes_what_enters_there() -> None:
    found = previews.preview("stage", {"slug": "beta", "base_path": "/beta", "rate": 10})
    assert told(found) == [("beta", "open", ("GET",), [], ["stage:beta 10"])]
    assert (found.keys, found.anybody) == ([], True)
    assert [each.code for each in found.gone] == ["open-unlimited"]
    assert previews.preview("stage", {"slug": "beta", "base_path": "/b"}).changes == []


def test_recorded_requests_are_replayed_against_the_new_rate(valkey: str, settings: Any) -> None:
    keys = Keys(settings.KEY_PREFIX)
    with redis.Redis.from_url(valkey) as client:
        now = int(time.time())
        for second in range(now - 60, now - 50):
            client.hset(keys.second(second), "acme|gold|admitted", 10)
    found = previews.preview("plan", {"slug": "gold", "rate": 4, "burst": 8}).replayed
    assert found is not None
    # Of 100 requests in 10 s pass the burst of 8 and 4 in each second.
    assert (found.requests, found.refused, found.by_consumer) == (100, 52, {"acme": 52})
    assert previews.preview("plan", {"slug": "gold"}).replayed == found.__class__(100, 0, found.seconds, {})
    shared = previews.preview("throttle", {"slug": "all", "scope": "account", "rate": 4, "burst": 8}).replayed
    assert (shared.requests, shared.refused) == (100, 52) if shared else False
    assert (
        previews.preview("throttle", {"slug": "puts", "scope": "method", "method": "PUT", "rate": 4}).replayed is None
    )


def test_without_a_store_there_is_no_replay_and_all_else(valkey: str, settings: Any) -> None:
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    found = previews.preview("plan", {"slug": "gold", **GOLD, "rate": 150})
    assert found.replayed is None
    assert found.changes
