"""/api/v1/keys/{id}/usage: what is left, and the two acts that change it, each with a reason."""

import pytest
from rest_framework.test import APIClient

from breakers.operations import plans
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture
def url(admin_api: APIClient) -> str:
    """The address of a key with a quota of a thousand."""
    plans.put("gold", {"quota": {"limit": 1000, "period": "DAY"}}, by=Principal.system("test"))
    admin_api.put("/api/v1/consumers/acme", {})
    made = admin_api.post("/api/v1/consumers/acme/keys", {"plans": ["gold"]}).json()
    return f"/api/v1/keys/{made['id']}/usage"


def test_use_is_told_by_plan(admin_api: APIClient, url: str) -> None:
    usage = admin_api.get(url).json()
    (quota,) = usage["quotas"]
    assert usage["consumer"] == "acme"
    assert (quota["plan"], quota["limit"], quota["used"], quota["left"]) == ("gold", 1000, 0, 1000)


def test_an_extension_and_a_reset_are_audited_with_their_reason(admin_api: APIClient, url: str) -> None:
    extended = admin_api.post(f"{url}/extend", {"amount": 500, "reason": "campaign"})
    assert (extended.status_code, extended.json()["quotas"][0]["left"]) == (200, 1500)
    assert admin_api.post(f"{url}/reset", {"reason": "their bug"}).status_code == 200
    assert set(AuditEntry.objects.values_list("action", "reason")) >= {
        ("usage.extend", "campaign"),
        ("usage.reset", "their bug"),
    }


@pytest.mark.parametrize(
    ("act", "body", "path"),
    [
        ("reset", {}, "reason"),
        ("extend", {"amount": 5}, "reason"),
        ("extend", {"amount": 0, "reason": "x"}, "amount"),
        ("extend", {"amount": "5", "reason": "x"}, "amount"),
        ("extend", {"reason": "x"}, "amount"),
        ("extend", {"amount": 5, "reason": "x", "plan": "silver"}, "plan"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    admin_api: APIClient, url: str, act: str, body: dict[str, object], path: str
) -> None:
    refused = admin_api.post(f"{url}/{act}", body)
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, path)
