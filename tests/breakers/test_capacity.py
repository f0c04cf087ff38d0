"""The capacity arithmetic reads what is configured, or would be with one document changed."""

from typing import Any

import pytest

from breakers import capacity
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.operations import plans, targets
from compositions.operations import routes
from controlplane.kernel import clock
from controlplane.kernel.access import Principal

SYSTEM = Principal.system("test")
PAYMENT = {"base_url": "http://127.0.0.1:9001", "contracts": [{"limit": 120, "period_s": 1}], "max_concurrency": 1000}
PAY = {"path": "/pay", "integration": {"type": "target", "target": "payment"}, "api_key_required": True}
GOLD = {"title": "Gold", "rate": 100}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("valkey")]


@pytest.fixture(autouse=True)
def surroundings(db: None) -> None:
    targets.put("payment", PAYMENT, by=SYSTEM)
    routes.put("pay", PAY, by=SYSTEM)
    plans.put("gold", GOLD, by=SYSTEM)
    for index, name in enumerate(["acme", "acme", "globex", "gone"]):
        owner, _ = Consumer.objects.get_or_create(slug=name)
        revoked = clock.now() if name == "gone" else None
        key = ApiKey.objects.create(consumer=owner, hash=f"{index:064}", created_at=clock.now(), revoked_at=revoked)
        key.plans.set(UsagePlan.objects.all())


def said(**replacing: Any) -> list[str]:
    return [finding.sentence for finding in capacity.findings(replacing)]


def test_consumers_with_a_working_key_are_counted_once() -> None:
    assert capacity.consumers() == {"gold": 2}
    assert said() == ["Gold 100/s x 2 consumers = 200/s, contract of payment allows 120/s"]


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("plan", {"slug": "gold", "rate": 60}),
        ("stage", {"slug": "main", "rate": 120}),
        ("throttle", {"slug": "new", "scope": "account", "rate": 120}),
        ("target", {"slug": "payment", **PAYMENT, "contracts": [{"limit": 200, "period_s": 1}]}),
    ],
    ids=str,
)
def test_a_change_is_judged_before_it_is_saved(kind: str, document: dict[str, Any]) -> None:
    assert said(**{kind: document}) == []
    assert len(said()) == 1


def test_a_route_is_judged_before_it_is_saved() -> None:
    found = capacity.findings({"route": {"slug": "pay", **PAY, "api_key_required": False}})
    assert [(each.slug, each.code) for each in found] == [("gold", "plan-unmetered"), ("pay", "open-unlimited")]
    found = capacity.findings({"route": {"slug": "pay", **PAY, "enabled": False}})
    assert [(each.slug, each.code) for each in found] == [("gold", "plan-unmetered")]
    found = capacity.findings({"route": {"slug": "more", **PAY, "path": "/more"}})
    assert [each.code for each in found] == ["contract-exceeded"]


def test_a_plan_that_is_new_is_judged_beside_the_others() -> None:
    found = capacity.findings({"plan": {"slug": "silver", "title": "Silver", "rate": 130}})
    assert [(each.slug, each.code) for each in found] == [
        ("silver", "contract-exceeded-by-one"),
        ("payment", "contract-exceeded"),
    ]
