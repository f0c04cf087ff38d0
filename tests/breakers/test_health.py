"""Whether limits are exact right now: on /readyz, and as a line among the workers."""

import msgspec
import pytest
import redis
from django.test import Client

from breakers import health
from breakers.operations import plans, throttles
from breakers.store.fleet import Worker
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
BY = Principal.system("tests")


@pytest.fixture
def limited(valkey):
    plans.put("gold", {"rate": 5, "overrides": [{"method": "POST", "rate": 1}], "on_store_error": "open"}, by=BY)
    plans.put("silver", {"quota": {"limit": 5, "period": "DAY"}, "on_store_error": "open"}, by=BY)
    plans.put("unlimited", {"on_store_error": "closed"}, by=BY)
    throttles.put("all", {"scope": "account", "rate": 100}, by=BY)
    return valkey


def report(valkey: str, *inexact: str) -> None:
    with redis.Redis.from_url(valkey) as store:
        seconds, micros = store.time()
        now = seconds * 1000 + micros / 1000
        worker = Worker("door-1", "frontdoor", 1, "host", 1, now, now, inexact)
        store.hset("sg:fleet", worker.id, msgspec.json.encode(worker))


def told():
    return Client().get("/readyz").json()["checks"]["limits"]


def test_as_long_as_the_stores_answer_all_limits_are_exact(limited):
    report(limited)
    assert told()["status"] == "ok"


def test_a_front_door_on_its_own_is_named_with_what_its_limits_do(limited):
    report(limited, "quotas")
    found = told()
    assert found["status"] == "warning"
    assert "door-1" in found["detail"]
    assert "2 let requests pass uncounted (open)" in found["detail"]
    assert "1 share by front door (local)" in found["detail"]
    assert found["value"] == {"open": 2, "local": 1}


def test_with_valkey_away_it_is_said_though_no_front_door_can_report(limited, settings):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    found = told()
    assert found["status"] == "warning"
    assert "Valkey does not answer" in found["detail"]


def test_an_old_report_says_nothing():
    assert health.warning([{"id": "x", "kind": "runner", "inexact": ("rates",)}], True) == ""


def test_the_board_shows_the_same_sentence(limited, admin_client):
    report(limited, "rates")
    page = admin_client.get("/").content.decode()
    assert "Limits are not exact" in page
