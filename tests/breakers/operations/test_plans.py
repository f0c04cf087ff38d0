"""Usage plans: complete documents, overrides of routes that exist, one plan for a key in each stage."""

from datetime import timedelta
from typing import Any

import pytest

from breakers.compiling import pieces
from breakers.documents.plans import document
from breakers.models import ApiKey, Consumer, QuotaLedger, UsagePlan
from breakers.operations import plans, stages
from compositions.operations import routes
from controlplane.audit.models import AuditEntry
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Conflict, Invalid, NotFound

GOLD: dict[str, Any] = {
    "title": "Gold",
    "description": "For partners.",
    "rate": 100,
    "burst": 200,
    "quota": {"limit": 1_000_000, "period": "MONTH", "time_zone": "Europe/Vienna", "offset_h": 6},
    "stages": ["beta", "main"],
    "overrides": [
        {"route": "article", "method": "POST", "rate": 5, "burst": 10},
        {"route": None, "method": "DELETE", "rate": 0.5, "burst": None},
    ],
    "mode": "count",
    "on_store_error": "closed",
}

pytestmark = pytest.mark.usefixtures("catalog")


@pytest.fixture(autouse=True)
def surroundings(root: Principal, catalog: Any) -> None:
    stages.put("beta", {"base_path": "/beta"}, by=root)
    to = {"type": "target", "target": "catalog"}
    routes.put("article", {"path": "/articles/{id}", "methods": ["GET", "POST"], "integration": to}, by=root)


def key_of(consumer: str, *slugs: str, **columns: Any) -> ApiKey:
    owner, _ = Consumer.objects.get_or_create(slug=consumer)
    number = ApiKey.objects.count()
    made: ApiKey = ApiKey.objects.create(
        consumer=owner, prefix=f"sgk_{number}", hash=f"{number:064}", created_at=clock.now(), **columns
    )
    made.plans.set(UsagePlan.objects.filter(slug__in=slugs))
    return made


def test_what_is_left_out_has_defaults(root: Principal) -> None:
    row, created = plans.put("free", {}, by=root)
    assert created
    assert document(row) == {
        "slug": "free",
        "title": "",
        "description": "",
        "rate": None,
        "burst": None,
        "quota": None,
        "stages": ["main"],
        "overrides": [],
        "mode": "enforce",
        "on_store_error": "local",
    }


def test_what_is_read_can_be_written_back_and_is_what_front_doors_get(root: Principal) -> None:
    row, _ = plans.put("gold", GOLD, by=root)
    assert document(row) == {"slug": "gold", **GOLD}
    again, created = plans.put("gold", document(row), by=root)
    assert (document(again), created) == (document(row), False)
    body = next(piece.body for piece in pieces() if piece.kind == "plan")
    assert body == {**document(row), "created_at_ms": to_ms(row.created_at)}


def test_a_quota_has_defaults_of_its_own_and_goes_away_with_null(root: Principal) -> None:
    row, _ = plans.put("free", {"quota": {"limit": 10}}, by=root)
    assert document(row)["quota"] == {"limit": 10, "period": "MONTH", "time_zone": "UTC", "offset_h": 0}
    row = plans.patch("free", {"quota": {"period": "DAY"}}, by=root)
    assert document(row)["quota"] == {"limit": 10, "period": "DAY", "time_zone": "UTC", "offset_h": 0}
    assert document(plans.patch("free", {"quota": None}, by=root))["quota"] is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"rate": -1}, "rate"),
        ({"rate": None}, "burst"),
        ({"burst": 1.5}, "burst"),
        ({"quota": {"limit": 0}}, "quota.limit"),
        ({"quota": {"period": "DAY"}}, "quota.limit"),
        ({"quota": {"limit": 1, "period": "HOUR"}}, "quota.period"),
        ({"quota": {"limit": 1, "time_zone": "Europe/Wien"}}, "quota.time_zone"),
        ({"quota": {"limit": 1, "time_zone": "../etc/passwd"}}, "quota.time_zone"),
        ({"quota": {"limit": 1, "period": "DAY", "offset_h": 24}}, "quota.offset_h"),
        ({"quota": {"limit": 1, "period": "WEEK", "offset_h": 168}}, "quota.offset_h"),
        ({"quota": {"limit": 1, "offset_h": 672}}, "quota.offset_h"),
        ({"quota": {"limit": 1, "every": "day"}}, "quota.every"),
        ({"stages": ["main", "gamma"]}, "stages[1]"),
        ({"stages": ["main", "main"]}, "stages"),
        ({"overrides": [{"rate": 5}]}, "overrides[0].route"),
        ({"overrides": [{"route": "article"}]}, "overrides[0].rate"),
        ({"overrides": [{"route": "nothing", "rate": 5}]}, "overrides[0].route"),
        ({"overrides": [{"method": "post", "rate": 5}]}, "overrides[0].method"),
        ({"overrides": [{"method": "GET", "rate": 5}, {"method": "GET", "rate": 6}]}, "overrides[1].route"),
        ({"mode": "observe"}, "mode"),
        ({"on_store_error": "allow"}, "on_store_error"),
        ({"colour": "red"}, "colour"),
    ],
    ids=str,
)
def test_a_malformed_plan_is_refused_with_its_path(root: Principal, change: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        plans.put("gold", {**GOLD, **change}, by=root)
    assert [problem.path for problem in refused.value.problems] == [path]
    assert not UsagePlan.objects.exists()


def test_a_misspelt_time_zone_is_told_what_was_meant(root: Principal) -> None:
    with pytest.raises(Invalid) as refused:
        plans.put("gold", {"quota": {"limit": 1, "time_zone": "europe/vienna"}}, by=root)
    text = "There is no time zone 'europe/vienna'; the nearest is Europe/Vienna."
    assert refused.value.problems[0].message == text


def test_new_stages_never_give_a_key_two_plans_in_one(root: Principal) -> None:
    plans.put("gold", {"stages": ["main"]}, by=root)
    plans.put("beta-test", {"stages": ["beta"]}, by=root)
    key_of("acme", "gold", "beta-test")
    key_of("revoked", "gold", "beta-test", revoked_at=clock.now())
    key_of("expired", "gold", "beta-test", expires_at=clock.now() - timedelta(days=1))
    with pytest.raises(Invalid) as refused:
        plans.patch("gold", {"stages": ["beta", "main"]}, by=root)
    (problem,) = refused.value.problems
    assert (problem.path, problem.code) == ("stages", "two_plans")
    assert "key sgk_0… of acme has plan beta-test in beta." in problem.message
    assert "revoked" not in problem.message
    assert "expired" not in problem.message


def test_a_plan_with_a_working_key_is_not_deleted_and_says_whose(root: Principal) -> None:
    plans.put("gold", {}, by=root)
    key = key_of("acme", "gold")
    key_of("gone", "gold", revoked_at=clock.now())
    with pytest.raises(Conflict, match=r"key sgk_0… of acme\. Give") as refused:
        plans.delete("gold", by=root)
    assert [user["slug"] for user in refused.value.extra["used_by"]] == [key.pk]
    key.revoked_at = clock.now()
    key.save()
    plans.delete("gold", by=root)
    with pytest.raises(NotFound):
        plans.delete("gold", by=root)


def test_editing_a_plan_leaves_what_was_used(root: Principal) -> None:
    row, _ = plans.put("gold", GOLD, by=root)
    now = clock.now()
    ledger = QuotaLedger.objects.create(
        consumer=Consumer.objects.create(slug="acme"), plan=row, period_start=now, period_end=now, drawn=7
    )
    plans.patch("gold", {"rate": 1, "burst": None, "quota": {"limit": 5}}, by=root)
    plans.put("gold", {}, by=root)
    ledger.refresh_from_db()
    assert (ledger.drawn, ledger.generation, ledger.extra) == (7, 0, 0)


def test_a_clone_has_the_same_limits_another_name_and_no_keys(root: Principal) -> None:
    plans.put("gold", GOLD, by=root)
    key_of("acme", "gold")
    row = plans.clone("gold", "platinum", "Platinum", by=root, reason="new tier")
    assert document(row) == {**document(plans.find("gold")), "slug": "platinum", "title": "Platinum"}
    assert not row.keys.exists()
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.subject, entry.reason) == ("plan.clone", "plan:platinum", "new tier")
    with pytest.raises(Conflict, match="platinum already"):
        plans.clone("gold", "platinum", "Again", by=root)
    with pytest.raises(Invalid):
        plans.clone("gold", "No Slug", "Odd", by=root)
    with pytest.raises(NotFound):
        plans.clone("silver", "bronze", "Bronze", by=root)
