"""/api/v1/targets: what GET gives can be PUT back, and of two who change the same target one is told."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from rest_framework.test import APIClient

from breakers.models import Target
from controlplane.audit.models import AuditEntry
from tests.breakers.documents_of_targets import targets as any_target

BASE = {"base_url": "http://127.0.0.1:9001"}
URL = "/api/v1/targets/catalog"


def test_put_makes_a_target_and_answers_with_all_of_it(admin_api: APIClient) -> None:
    made = admin_api.put(URL, {**BASE, "probe": {}})
    assert made.status_code == 201
    assert made.json()["breaker"]["half_open_by"] == "probe"
    assert made.json() == admin_api.get(URL).json()
    assert admin_api.get("/api/v1/targets").json() == [made.json()]
    assert admin_api.put(URL, {**BASE, "title": "Catalog"}).status_code == 200


@given(stated=any_target())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_get_gives_can_be_put_back_and_changes_nothing(admin_api: APIClient, stated: dict[str, Any]) -> None:
    assert admin_api.put(URL, stated).status_code in (200, 201)
    seen = admin_api.get(URL)
    again = admin_api.put(URL, seen.json(), headers={"If-Match": seen["ETag"]})
    assert (again.status_code, again.json(), again["ETag"]) == (200, seen.json(), seen["ETag"])


def test_an_outdated_revision_is_refused(admin_api: APIClient) -> None:
    first = admin_api.put(URL, BASE)
    second = admin_api.patch(URL, {"title": "Catalog"}, headers={"If-Match": first["ETag"]})
    assert second.status_code == 200
    for act in (admin_api.put, admin_api.patch, admin_api.delete):
        refused = act(URL, BASE, headers={"If-Match": first["ETag"]})
        assert (refused.status_code, refused["Content-Type"]) == (412, "application/problem+json")
    assert admin_api.delete(URL, headers={"If-Match": second["ETag"]}).status_code == 204


def test_if_none_match_makes_only_what_is_not_there(admin_api: APIClient) -> None:
    assert admin_api.put(URL, BASE, headers={"If-None-Match": "*"}).status_code == 201
    assert admin_api.put(URL, BASE, headers={"If-None-Match": "*"}).status_code == 412
    assert admin_api.get(URL, headers={"If-None-Match": admin_api.get(URL)["ETag"]}).status_code == 304


def test_a_patch_merges_blocks_over_what_was_stated(admin_api: APIClient) -> None:
    admin_api.put(URL, {**BASE, "breaker": {"wait_duration_in_open_state_s": 10}})
    patched = admin_api.patch(URL, {"breaker": {"mode": "observe"}, "probe": {"path": "/up"}}).json()
    assert patched["breaker"]["wait_duration_in_open_state_s"] == 10
    assert (patched["breaker"]["mode"], patched["breaker"]["half_open_by"]) == ("observe", "probe")


def test_every_problem_is_named_by_path(admin_api: APIClient) -> None:
    refused = admin_api.put(URL, {**BASE, "timeout_ms": 0, "colour": "red", "probe": {"count": "3"}})
    assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")
    assert {problem["path"] for problem in refused.json()["problems"]} == {"timeout_ms", "colour", "probe.count"}
    unworkable = admin_api.put(URL, {**BASE, "breaker": {"half_open_by": "probe"}}).json()
    assert [(p["path"], p["code"]) for p in unworkable["problems"]] == [("breaker.half_open_by", "no_probe")]
    assert admin_api.put(URL, [1]).status_code == 400
    assert admin_api.put("/api/v1/targets/Catalog", BASE).status_code == 400


def test_what_is_not_there_is_404(admin_api: APIClient) -> None:
    assert admin_api.get(URL).status_code == 404
    assert admin_api.patch(URL, {}).status_code == 404
    assert admin_api.delete(URL).status_code == 404


def test_a_target_in_use_is_409(admin_api: APIClient, catalog: Target) -> None:
    assert admin_api.put("/api/v1/journeys/reading", {"targets": ["catalog"]}).status_code == 201
    refused = admin_api.delete(URL)
    assert refused.status_code == 409
    assert "journey reading" in refused.json()["detail"]


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("admin", 200)])
def test_only_those_who_may_configure_change_a_target(
    client_of: Callable[[str], APIClient], catalog: Target, role: str, status: int
) -> None:
    client = client_of(role)
    assert client.get(URL).status_code == 200
    assert client.put(URL, BASE).status_code == status
    assert client.patch(URL, {}).status_code == status


def test_strangers_see_nothing(catalog: Target) -> None:
    assert APIClient().get(URL).status_code == 401


def test_the_reason_and_the_person_are_in_the_audit(admin_api: APIClient) -> None:
    admin_api.put(URL, BASE, headers={"X-Reason": "moved"})
    admin_api.delete(URL, {"reason": "gone"})
    assert list(AuditEntry.objects.order_by("number").values_list("by", "subject", "reason")) == [
        ("a-admin", "target:catalog", "moved"),
        ("a-admin", "target:catalog", "gone"),
    ]
