"""Health, readiness and metrics."""

import json
from typing import Any

import pytest
import redis
from django.test import Client

from controlplane.config import keys, publish
from controlplane.kernel import valkey as valkeys
from controlplane.tasks import tick
from tests.controlplane.groups import add

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("groups_compiled"),
    pytest.mark.urls("tests.controlplane.groups"),
]


@pytest.fixture(autouse=True)
def only_the_ground(settings: Any) -> None:
    settings.METRIC_SOURCES = []


@pytest.fixture
def store(valkey: str) -> redis.Redis:
    return redis.Redis.from_url(valkey)


def heartbeat(store: redis.Redis, name: str, kind: str, age_ms: int = 0) -> None:
    worker = {"id": name, "kind": kind, "at_ms": valkeys.server_ms(store) - age_ms}
    store.hset(valkeys.named("fleet"), name, json.dumps(worker))


def test_a_live_process_says_so_without_asking_anybody(
    client: Client, no_valkey: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").json() == {"status": "ok"}


def test_ready_with_everything_there(client: Client, store: redis.Redis) -> None:
    add("night-shift")
    publish.republish()
    tick()
    heartbeat(store, "one", "frontdoor")
    heartbeat(store, "two", "runner")
    answer = client.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ok", body
    assert body["checks"]["config"]["value"] == {"version": 1, "published": 1}
    assert body["checks"]["workers"]["value"] == {"frontdoor": 1, "runner": 1}


def test_a_late_beat_lost_workers_and_a_stale_copy_are_warnings(client: Client, store: redis.Redis) -> None:
    add("night-shift")
    store.set(keys.head(), 0)
    store.set(valkeys.named("beat"), valkeys.server_ms(store) - 60_000)
    heartbeat(store, "one", "frontdoor", age_ms=10_000)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert {name for name, check in checks.items() if check["status"] == "warning"} == {"config", "beat", "workers"}
    assert checks["beat"]["value"] >= 60


@pytest.mark.usefixtures("no_valkey")
def test_without_valkey_it_is_not_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["valkey"]["status"] == "down"
    assert answer.json()["checks"]["database"]["status"] == "ok"


def test_metrics_carry_the_same_findings(client: Client, store: redis.Redis) -> None:
    add("night-shift")
    publish.republish()
    tick()
    heartbeat(store, "one", "frontdoor")
    text = client.get("/metrics").content.decode()
    assert 'switchgear_dependency_up{dependency="valkey"} 1.0' in text
    assert "switchgear_config_version 1.0" in text
    assert "switchgear_config_published_version 1.0" in text
    assert 'switchgear_workers{kind="frontdoor"} 1.0' in text


def faulty_source() -> Any:
    raise redis.ConnectionError("away")


@pytest.mark.usefixtures("no_valkey")
def test_metrics_answer_while_valkey_is_away(client: Client, settings: Any) -> None:
    settings.METRIC_SOURCES = [f"{__name__}.faulty_source"]
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert 'switchgear_dependency_up{dependency="valkey"} 0.0' in answer.content.decode()
