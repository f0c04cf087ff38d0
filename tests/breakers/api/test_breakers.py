"""/api/v1/breakers: a circuit as it is, an operator's order over it, and what became of it before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from rest_framework.test import APIClient

from breakers.models import Override, Target, Transition
from breakers.operations import targets
from breakers.store.circuits import Keys
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

URL = "/api/v1/breakers/catalog"
ORDER = {"state": "FORCED_OPEN", "reason": "provider is down"}

pytestmark = pytest.mark.usefixtures("valkey", "catalog")


@pytest.fixture
def operator(client_of: Callable[[str], APIClient]) -> APIClient:
    return client_of("operator")


def put_circuit(url: str, **fields: Any) -> None:
    """A circuit as some worker left it in the store."""
    with redis.Redis.from_url(url) as store:
        store.hset(Keys("sg", "catalog").circuit, mapping={name: str(value) for name, value in fields.items()})


def test_a_circuit_that_never_moved_is_closed(operator: APIClient) -> None:
    seen = operator.get(URL).json()
    assert (seen["target"], seen["observed_state"], seen["effective_state"]) == ("catalog", "CLOSED", "CLOSED")
    assert (seen["override"], seen["epoch"], seen["next_probe_at"], seen["stale"]) == (None, 0, None, False)
    assert seen["counts"] == {"calls": 0, "failures": 0, "slow": 0, "rejected": 0, "consecutive_failures": 0}
    assert seen["workers"] == {"applied": 0, "total": 0}
    assert operator.get("/api/v1/breakers").json() == [seen]


def test_an_open_circuit_says_why_since_when_and_what_happens_next(operator: APIClient, valkey: str) -> None:
    targets.patch("catalog", {"probe": {}}, by=Principal.system("test"))
    at = clock.to_ms(clock.now())
    put_circuit(valkey, epoch=at, state="OPEN", since=at, until=at + 30_000, reason="5 failures in a row", streak=5)
    seen = operator.get(URL).json()
    assert (seen["observed_state"], seen["effective_state"], seen["epoch"]) == ("OPEN", "OPEN", at)
    assert seen["reason"] == "5 failures in a row"
    assert (seen["since"], seen["next_probe_at"]) == (clock.rfc3339(at), clock.rfc3339(at + 30_000))
    assert seen["counts"]["consecutive_failures"] == 5


def test_an_order_changes_what_is_effective_and_not_what_is_observed(operator: APIClient, valkey: str) -> None:
    targets.patch("catalog", {"probe": {}}, by=Principal.system("test"))
    at = clock.to_ms(clock.now())
    put_circuit(valkey, epoch=at, state="OPEN", since=at, until=at + 30_000, reason="down")
    ordered = operator.put(f"{URL}/override", {"state": "FORCED_CLOSED", "reason": "it is up"})
    assert ordered.status_code == 200
    seen = ordered.json()
    assert (seen["observed_state"], seen["effective_state"]) == ("OPEN", "FORCED_CLOSED")
    assert (seen["override"]["state"], seen["override"]["by"]) == ("FORCED_CLOSED", "a-operator")
    assert seen["next_probe_at"] is not None
    disabled = operator.put(f"{URL}/override", {"state": "DISABLED", "reason": "drill"}).json()
    assert (disabled["effective_state"], disabled["next_probe_at"]) == ("DISABLED", None)


def test_an_observing_breaker_shows_metrics_only(operator: APIClient) -> None:
    targets.patch("catalog", {"breaker": {"mode": "observe"}}, by=Principal.system("test"))
    assert operator.get(URL).json()["effective_state"] == "METRICS_ONLY"


def test_lifting_an_order_needs_a_reason_and_makes_the_circuit_automatic(operator: APIClient) -> None:
    operator.put(f"{URL}/override", ORDER)
    refused = operator.delete(f"{URL}/override", {})
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, "reason")
    assert operator.delete(f"{URL}/override", {"reason": "it is up", "colour": 1}).status_code == 400
    assert operator.delete(f"{URL}/override", {"reason": "it is up"}).status_code == 204
    assert operator.get(URL).json()["override"] is None
    assert operator.delete(f"{URL}/override", {"reason": "it is up"}).status_code == 404


def test_an_expired_order_is_not_shown(operator: APIClient) -> None:
    operator.put(f"{URL}/override", {**ORDER, "expires_in_s": 60})
    Override.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    seen = operator.get(URL).json()
    assert (seen["override"], seen["effective_state"]) == (None, "CLOSED")


def test_of_two_operators_one_wins_and_the_other_is_told(operator: APIClient) -> None:
    seen = operator.get(URL)
    first = operator.put(f"{URL}/override", ORDER, headers={"If-Match": seen["ETag"]})
    assert first.status_code == 200
    second = operator.put(f"{URL}/override", {**ORDER, "state": "DISABLED"}, headers={"If-Match": seen["ETag"]})
    assert second.status_code == 409
    assert "a-operator acted first" in second.json()["detail"]
    assert operator.delete(f"{URL}/override", {"reason": "up"}, headers={"If-Match": first["ETag"]}).status_code == 204


def test_an_order_can_be_undone(operator: APIClient) -> None:
    revision = operator.put(f"{URL}/override", ORDER).json()["override"]["revision"]
    assert operator.post(f"{URL}/override/undo", {"revision": revision + 1}).status_code == 409
    undone = operator.post(f"{URL}/override/undo", {"revision": revision})
    assert (undone.status_code, undone.json()["effective_state"]) == (200, "CLOSED")


def test_an_order_without_end_is_for_admins(operator: APIClient, admin_api: APIClient) -> None:
    assert operator.put(f"{URL}/override", {**ORDER, "expires_in_s": None}).status_code == 403
    ordered = admin_api.put(f"{URL}/override", {**ORDER, "expires_in_s": None})
    assert ordered.json()["override"]["expires_at"] is None


def test_a_viewer_looks_and_does_not_touch(client_of: Callable[[str], APIClient]) -> None:
    viewer = client_of("viewer")
    assert viewer.get(URL).status_code == 200
    assert viewer.put(f"{URL}/override", ORDER).status_code == 403
    assert viewer.delete(f"{URL}/override", {"reason": "up"}).status_code == 403
    assert viewer.post(f"{URL}/probe", {}).status_code == 403


def test_what_is_not_registered_is_404(operator: APIClient) -> None:
    missing = "/api/v1/breakers/nothing"
    assert operator.get(missing).status_code == 404
    assert operator.put(f"{missing}/override", ORDER).status_code == 404
    assert operator.post(f"{missing}/probe", {}).status_code == 404
    assert operator.get(f"{missing}/transitions").status_code == 404


def test_moves_are_listed_newest_first_even_when_the_target_is_gone(operator: APIClient, catalog: Target) -> None:
    for number, (before, after) in enumerate([("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN")], 1):
        Transition.objects.create(
            target="catalog", epoch=number, at=clock.now(), from_state=before, to_state=after, wait_ms=1500
        )
    targets.delete("catalog", by=Principal.system("test"))
    moves = operator.get(f"{URL}/transitions").json()
    assert [(move["to_state"], move["wait_s"]) for move in moves] == [("HALF_OPEN", 1.5), ("OPEN", 1.5)]
    assert len(operator.get(f"{URL}/transitions?limit=1").json()) == 1
    assert operator.get(f"{URL}/transitions?limit=0").status_code == 400


def test_without_the_store_the_last_recorded_state_is_shown_as_stale(operator: APIClient, settings: Any) -> None:
    Transition.objects.create(
        target="catalog", epoch=7, at=clock.now(), from_state="CLOSED", to_state="OPEN", reason="down", wait_ms=1000
    )
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    seen = operator.get(URL).json()
    assert (seen["observed_state"], seen["reason"], seen["stale"]) == ("OPEN", "down", True)
    ordered = operator.put(f"{URL}/override", ORDER)
    assert (ordered.status_code, ordered.json()["effective_state"]) == (200, "FORCED_OPEN")


def test_the_configuration_version_counts_changes(operator: APIClient) -> None:
    before = operator.get("/api/v1/config").json()
    operator.put(f"{URL}/override", ORDER)
    after = operator.get("/api/v1/config").json()
    assert after == {"version": before["version"] + 1, "workers": {"applied": 0, "total": 0}}
