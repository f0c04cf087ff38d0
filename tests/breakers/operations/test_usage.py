"""Resetting and extending quotas: audited, with a reason, and felt by the next draw."""

import pytest

from breakers.admission.ledger import Ask, exchange
from breakers.core.quotas import period
from breakers.models import ApiKey, Consumer, QuotaLedger, UsagePlan
from breakers.operations import usage
from breakers.usage import terms_of
from controlplane.audit.chain import verify
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigVersion
from controlplane.kernel import clock
from controlplane.kernel.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def gold() -> UsagePlan:
    return UsagePlan.objects.create(slug="gold", quota_limit=100, quota_period="DAY", quota_time_zone="Europe/Vienna")


@pytest.fixture
def key(gold) -> ApiKey:
    consumer = Consumer.objects.create(slug="acme")
    key = ApiKey.objects.create(consumer=consumer, prefix="sgk_x", hash="0" * 64, created_at=clock.now())
    key.plans.add(gold)
    return key


def draws(plan: UsagePlan, units: int) -> int:
    terms = terms_of(plan, "acme")
    start, end = period(clock.now(), terms.period, terms.time_zone, terms.offset_h)
    return exchange([Ask(terms, clock.to_ms(start), clock.to_ms(end), waiting=units)])[0].granted


def test_use_is_read_against_the_limit_of_each_plan(key, gold):
    draws(gold, 30)
    found = usage.read(key.pk)
    (quota,) = found.pop("quotas")
    assert found == {"key": key.pk, "consumer": "acme", "last_used_at": None}
    assert {name: quota[name] for name in ("plan", "period", "limit", "extra", "used", "left")} == {
        "plan": "gold",
        "period": "DAY",
        "limit": 100,
        "extra": 0,
        "used": 30,
        "left": 70,
    }


def test_a_reset_gives_the_quota_anew_and_is_audited(key, gold, ada):
    assert draws(gold, 200) == 100
    found = usage.reset(key.pk, by=ada, reason="billing mistake")
    assert found["quotas"][0]["used"] == 0
    assert draws(gold, 200) == 100
    entry = AuditEntry.objects.about("consumer:acme").get()
    assert (entry.action, entry.by, entry.reason) == ("usage.reset", "ada", "billing mistake")
    assert entry.before == {"key": key.pk, "plan": "gold", "drawn": 100, "extra": 0, "generation": 0}
    assert entry.after == {"key": key.pk, "plan": "gold", "drawn": 0, "extra": 0, "generation": 1}
    assert verify().ok


def test_an_extension_is_on_top_of_the_limit_in_this_period_only(key, gold, ada):
    draws(gold, 200)
    found = usage.extend(key.pk, 25, by=ada, reason="launch day")
    assert (found["quotas"][0]["extra"], found["quotas"][0]["left"]) == (25, 25)
    assert draws(gold, 200) == 25
    assert AuditEntry.objects.about("consumer:acme").get().action == "usage.extend"
    assert QuotaLedger.objects.get().extra == 25


def test_neither_is_configuration(key, ada):
    before = ConfigVersion.objects.count()
    usage.reset(key.pk, by=ada, reason="billing mistake")
    usage.extend(key.pk, 1, by=ada, reason="launch day")
    assert ConfigVersion.objects.count() == before


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_asked_for(key, ada, reason):
    for act in (
        lambda: usage.reset(key.pk, by=ada, reason=reason),
        lambda: usage.extend(key.pk, 5, by=ada, reason=reason),
    ):
        with pytest.raises(Invalid) as refusal:
            act()
        assert [problem.path for problem in refusal.value.problems] == ["reason"]
    assert not AuditEntry.objects.about("consumer:acme").exists()


@pytest.mark.parametrize("amount", [-1, 0, "5", 1.5, 10**15 + 1, None, True], ids=repr)
def test_an_amount_that_is_no_whole_number_of_requests_is_refused(key, ada, amount):
    with pytest.raises(Invalid) as refusal:
        usage.extend(key.pk, amount, by=ada, reason="launch day")
    assert [problem.path for problem in refusal.value.problems] == ["amount"]


def test_of_several_plans_the_one_to_extend_is_named_and_all_are_reset(key, gold, ada):
    silver = UsagePlan.objects.create(slug="silver", quota_limit=10)
    key.plans.add(silver, UsagePlan.objects.create(slug="bronze"))
    draws(gold, 5)
    draws(silver, 5)
    with pytest.raises(Invalid) as refusal:
        usage.extend(key.pk, 5, by=ada, reason="launch day")
    assert [problem.path for problem in refusal.value.problems] == ["plan"]
    found = usage.extend(key.pk, 5, by=ada, reason="launch day", plan="silver")
    assert {quota["plan"]: quota["left"] for quota in found["quotas"]} == {"gold": 95, "silver": 10}
    found = usage.reset(key.pk, by=ada, reason="billing mistake")
    assert {quota["plan"]: quota["used"] for quota in found["quotas"]} == {"gold": 0, "silver": 0}


def test_a_key_without_a_quota_has_nothing_to_reset(key, gold, ada):
    key.plans.clear()
    with pytest.raises(Conflict):
        usage.reset(key.pk, by=ada, reason="billing mistake")
    with pytest.raises(NotFound):
        usage.reset("k-none", by=ada, reason="billing mistake")
