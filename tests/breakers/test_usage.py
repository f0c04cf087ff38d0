"""What pages read of use: series, quotas with a forecast, replays; and the metrics."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from breakers import usage
from breakers.models import Consumer, QuotaLedger, UsageCount, UsagePlan
from breakers.store.usage import Batch, Series, UsageStore
from controlplane.kernel.valkey import connect_async

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 11, 12, tzinfo=UTC)


def record(batch: Batch) -> None:
    async def send() -> None:
        client = connect_async()
        await UsageStore(client, "sg").add("door-1", batch, time.time())
        await client.aclose()

    asyncio.run(send())


def plan(**fields) -> UsagePlan:
    return UsagePlan.objects.create(slug="gold", **({"quota_limit": 1000, "quota_period": "MONTH"} | fields))


def ledger(of: UsagePlan, drawn: int, extra: int = 0) -> QuotaLedger:
    start, end = usage.present_period(of, NOON)
    consumer = Consumer.objects.get_or_create(slug="acme")[0]
    return QuotaLedger.objects.create(
        consumer=consumer, plan=of, period_start=start, period_end=end, drawn=drawn, extra=extra
    )


def test_live_counts_are_a_point_each_second_by_outcome(valkey):
    now = int(time.time())
    gold, silver = Series("acme", "gold", "admitted"), Series("bolt", "silver", "throttled:client")
    record(Batch(1, {now - 20: {gold: 4, silver: 2}, now - 10: {gold: 1}}))
    everything = usage.live(seconds=120)
    assert len(everything) == 120
    assert [(point.passed, point.refused) for point in everything if point.counts] == [(4, 2), (1, 0)]
    assert sum(point.passed for point in usage.live(plan="gold", seconds=120)) == 5
    assert sum(point.refused for point in usage.live(consumer="acme", seconds=120)) == 0
    refused = usage.refusals(everything)
    assert refused == [("throttled:client", "above the rate of its usage plan", 2)]


def test_without_the_store_live_counts_and_replays_are_unknown(settings):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    assert usage.live() is None
    assert usage.replay("gold", 1, 1) is None


def test_history_has_a_point_for_each_span_without_gaps():
    for hours, outcome, count in ((1, "admitted", 5), (1, "quota", 2), (3, "admitted", 7)):
        at = NOON - timedelta(hours=hours)
        UsageCount.objects.create(span="hour", at=at, consumer="acme", plan="gold", outcome=outcome, count=count)
    points = usage.history("hour", since=NOON - timedelta(hours=4), until=NOON, plan="gold")
    assert [(point.at.hour, point.passed, point.refused) for point in points] == [
        (8, 0, 0),
        (9, 7, 0),
        (10, 0, 0),
        (11, 5, 2),
    ]
    assert sum(point.passed for point in usage.history("hour", since=NOON - timedelta(hours=4), consumer="bolt")) == 0


def test_use_is_told_against_limit_and_extension_with_the_day_on_which_it_ends():
    gold = plan()
    ledger(gold, drawn=900, extra=200)
    for hours in range(1, 11):
        at = NOON - timedelta(hours=hours)
        UsageCount.objects.create(span="hour", at=at, consumer="acme", plan="gold", outcome="admitted", count=10)
    found = usage.quota("acme", gold, NOON)
    assert (found.limit, found.extra, found.used, found.left) == (1000, 200, 900, 300)
    assert (found.share, found.standing) == ("75 %", "")
    assert found.resets_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert found.ends_at == NOON + timedelta(hours=30)


def test_a_quota_that_lasts_has_no_end_and_one_that_was_never_used_is_whole():
    gold = plan()
    found = usage.quota("acme", gold, NOON)
    assert (found.used, found.left, found.share, found.ends_at) == (0, 1000, "0 %", None)


def test_a_plan_without_a_quota_has_no_use_against_it():
    assert usage.quota("acme", plan(quota_limit=None), NOON) is None


def test_a_replay_gives_each_consumer_a_bucket_and_counts_what_was_refused_too(valkey):
    now = int(time.time())
    seconds = {
        now - 30 + second: {
            Series("acme", "gold", "admitted"): 6,
            Series("acme", "gold", "throttled:client"): 4,
            Series("bolt", "gold", "admitted"): 5,
            Series("acme", "gold", "throttled:account"): 50,
            Series("acme", "silver", "admitted"): 50,
        }
        for second in range(10)
    }
    record(Batch(1, seconds))
    found = usage.replay("gold", rate=5, burst=20)
    assert (found.requests, found.refused) == (150, 100 - 20 - 50)
    assert found.by_consumer == {"acme": 30}
    assert found.sentence() == "30 of 150 requests of the last 15 min would have been throttled (20 %)."
    assert usage.replay("bronze", 1, 1).sentence() == "No requests were recorded in the last 15 min."


def exposed() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.collect = usage.families  # type: ignore[method-assign]
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_metrics_are_by_plan_and_outcome_and_by_route_but_never_by_consumer(valkey):
    now = int(time.time())
    admitted = {Series(name, "gold", "admitted"): 2 for name in ("acme", "bolt")}
    record(Batch(1, {now: admitted}, {("main", "articles", "admitted"): 4}))
    assert exposed() == {
        'switchgear_admission_requests_total{outcome="admitted",plan="gold"}': 4,
        'switchgear_route_requests_total{outcome="admitted",route="articles",stage="main"}': 4,
    }


def test_without_the_store_metrics_tell_what_the_database_knows(settings):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    gold = plan()
    row = ledger(gold, drawn=12)
    QuotaLedger.objects.filter(pk=row.pk).update(period_end=datetime(2100, 1, 1, tzinfo=UTC))
    assert exposed() == {'switchgear_quota_drawn{plan="gold"}': 12}
