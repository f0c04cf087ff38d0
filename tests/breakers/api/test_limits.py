"""/api/v1/stages, /usage-plans, /throttles and /capacity"""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.usefixtures("catalog", "valkey")

NOUNS: list[tuple[str, dict[str, Any], str]] = [
    ("/api/v1/stages/beta", {"base_path": "/beta", "rate": 5}, "base_path"),
    (
        "/api/v1/usage-plans/gold",
        {"rate": 100, "quota": {"limit": 5}, "overrides": [{"method": "GET", "rate": 1}]},
        "rate",
    ),
    ("/api/v1/throttles/all", {"scope": "account", "rate": 5}, "scope"),
]


@pytest.mark.parametrize(("url", "stated", "field"), NOUNS, ids=["stages", "plans", "throttles"])
def test_what_get_gives_can_be_put_back(admin_api: APIClient, url: str, stated: dict[str, Any], field: str) -> None:
    made = admin_api.put(url, stated)
    assert made.status_code == 201
    again = admin_api.put(url, admin_api.get(url).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json(), again["ETag"]) == (200, made.json(), made["ETag"])
    assert made.json() in admin_api.get(url.rpartition("/")[0]).json()
    changed = admin_api.patch(url, {"title": "Other"}, headers={"If-Match": made["ETag"]})
    assert (changed.status_code, changed.json()) == (200, {**made.json(), "title": "Other"})
    assert admin_api.patch(url, {"title": "Late"}, headers={"If-Match": made["ETag"]}).status_code == 412
    assert admin_api.delete(url).status_code == 204


@pytest.mark.parametrize(("url", "stated", "field"), NOUNS, ids=["stages", "plans", "throttles"])
def test_a_malformed_field_is_named(admin_api: APIClient, url: str, stated: dict[str, Any], field: str) -> None:
    refused = admin_api.put(url, {**stated, field: []})
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == [field]


@pytest.mark.parametrize(("url", "stated", "field"), NOUNS, ids=["stages", "plans", "throttles"])
def test_operators_look_and_admins_change(
    admin_api: APIClient, client_of: Callable[[str], APIClient], url: str, stated: dict[str, Any], field: str
) -> None:
    admin_api.put(url, stated)
    operator = client_of("operator")
    assert operator.get(url).status_code == 200
    assert operator.put(url, stated).status_code == 403
    assert operator.delete(url).status_code == 403


def test_a_refused_deletion_says_by_what(admin_api: APIClient) -> None:
    admin_api.put("/api/v1/stages/beta", {"base_path": "/beta"})
    admin_api.put("/api/v1/usage-plans/gold", {"stages": ["beta"]})
    refused = admin_api.delete("/api/v1/stages/beta")
    assert (refused.status_code, refused.json()["used_by"]) == (409, [{"kind": "plan", "slug": "gold"}])
    assert admin_api.delete("/api/v1/stages/main").status_code == 409


def test_capacity_says_what_does_not_fit_and_whom_it_is_about(admin_api: APIClient) -> None:
    admin_api.put(
        "/api/v1/targets/payment",
        {"base_url": "http://127.0.0.1:9001", "contracts": [{"limit": 120, "period_s": 1}], "max_concurrency": 1000},
    )
    to = {"type": "target", "target": "payment"}
    admin_api.put("/api/v1/routes/pay", {"path": "/pay", "integration": to, "api_key_required": True})
    admin_api.put("/api/v1/usage-plans/gold", {"title": "Gold", "rate": 300})
    found = admin_api.get("/api/v1/capacity").json()
    assert found["front_doors"] >= 1
    (finding,) = found["findings"]
    assert (finding["severity"], finding["kind"], finding["slug"]) == ("warning", "plan", "gold")
    assert finding["sentence"].startswith("Gold 300/s, contract of payment allows 120/s.")
    assert finding["figures"] == {"demand_per_s": 300, "allowed_per_s": 120}
    assert finding["names"] == ["target:payment", "plan:gold", "route:pay"]
    assert admin_api.get("/api/v1/capacity?about=route:pay").json()["findings"] == [finding]
    assert admin_api.get("/api/v1/capacity?about=plan:free").json()["findings"] == []
    admin_api.patch("/api/v1/usage-plans/gold", {"rate": 120})
    assert admin_api.get("/api/v1/capacity").json()["findings"] == []
