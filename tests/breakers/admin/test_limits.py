"""Plans, keys and rules in the back office: what is special about each of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from breakers.core import api_keys
from breakers.models import ApiKey, RequestRule, UsagePlan
from breakers.operations import keys, plans, rules
from compositions.operations import routes
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from tests.breakers.admin import examples
from tests.breakers.admin.forms import errors_of

SYSTEM = Principal.system("test")
Form = Callable[..., dict[str, Any]]
NESTED = {"all": [{"path": {"starts": "/a"}}, {"any": [{"method": ["POST"]}, {"ip": ["10.0.0.0/8"]}]}]}


def test_a_key_is_shown_once_and_its_hash_never(office: Client, form_of: Form) -> None:
    consumer, plan = examples.consumer(), examples.plan()
    add = "/admin/breakers/apikey/add/"
    made = office.post(add, form_of(office.get(add), consumer=consumer.pk, plans=[plan.pk]), follow=True)
    told = next(str(message) for message in made.context["messages"] if "Copy the key now" in str(message))
    secret = told.rpartition(" ")[2]
    key = ApiKey.objects.get()
    assert api_keys.digest(secret) == key.hash
    pages = [f"/admin/breakers/apikey/{key.pk}/change/", "/admin/breakers/apikey/", "/admin/audit/auditentry/"]
    pages += [f"/admin/audit/auditentry/{entry.pk}/change/" for entry in AuditEntry.objects.all()]
    pages += [f"/admin/breakers/consumer/{consumer.pk}/change/"]
    for address in pages:
        html = office.get(address).content.decode()
        assert key.hash not in html
        assert secret not in html


def test_a_key_that_works_is_revoked_before_it_is_deleted(office: Client) -> None:
    key = examples.key()
    address = f"/admin/breakers/apikey/{key.pk}/delete/"
    assert "still works. Revoke it first." in office.get(address).content.decode()
    keys.revoke(key.pk, by=SYSTEM, reason="leaked")
    assert office.post(address, {"post": "yes", "reason": "forget it"}).status_code == 302
    assert not ApiKey.objects.exists()


def test_two_plans_of_one_stage_are_refused_at_the_plans(office: Client, form_of: Form) -> None:
    consumer, gold = examples.consumer(), examples.plan()
    silver, _ = plans.put("silver", {"rate": 1}, by=SYSTEM)
    add = "/admin/breakers/apikey/add/"
    refused = office.post(add, form_of(office.get(add), consumer=consumer.pk, plans=[gold.pk, silver.pk]))
    assert "both open stage main" in errors_of(refused)["plans"][0]


def test_a_plan_says_by_which_keys_it_is_held(office: Client) -> None:
    key = examples.key()
    plan = UsagePlan.objects.get()
    shown = office.get(f"/admin/breakers/usageplan/{plan.pk}/delete/").content.decode()
    assert f"/admin/breakers/apikey/{key.pk}/change/" in shown


def test_a_plan_that_names_a_route_that_is_gone_is_told_at_its_row(office: Client, form_of: Form) -> None:
    plan = examples.plan()
    address = f"/admin/breakers/usageplan/{plan.pk}/change/"
    refused = office.post(address, form_of(office.get(address), **{"overrides-0-route": "gone"}))
    assert "overrides-0-route" in errors_of(refused)


def test_an_edit_of_a_list_is_refused_at_its_row_in_the_plans_own_words(office: Client) -> None:
    free, _ = plans.put("free", {}, by=SYSTEM)
    plans.put("gold", {"rate": 5}, by=SYSTEM)
    cells: dict[str, Any] = {"form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 2, "_save": "Save", "reason": "agreed"}
    for index, plan in enumerate(UsagePlan.objects.order_by("slug")):
        cells |= {f"form-{index}-id": plan.pk, f"form-{index}-mode": plan.mode, f"form-{index}-rate": plan.rate or ""}
    cells |= {"form-0-burst": 9, "form-1-rate": 50}
    refused = office.post("/admin/breakers/usageplan/", cells)
    assert refused.status_code == 200
    formset = refused.context["cl"].formset
    assert "A burst alone limits nothing" in str(formset.forms[0].non_field_errors())
    assert plans.find("gold").rate == 5
    assert free.burst is None


def test_a_statement_is_written_in_rows(office: Client, form_of: Form) -> None:
    add = "/admin/breakers/requestrule/add/"
    filled = examples.EXAMPLES["breakers.RequestRule"].add
    assert filled is not None
    assert office.post(add, form_of(office.get(add), **filled())).status_code == 302
    assert rules.find("bots").statement == {
        "any": [
            {"path": {"starts": ["/search", "/find"]}},
            {"not": {"header": {"name": "user-agent", "present": False}}},
        ]
    }
    assert rules.find("bots").rate_keys == ["ip", "header:User-Agent"]


@pytest.mark.parametrize(
    "statement", [NESTED, {"path": {"is": "/a"}}, {"not": {"any": [{"label": "odd"}]}}, {}], ids=str
)
def test_a_statement_that_nobody_touched_stays_as_it_was_written(
    office: Client, form_of: Form, statement: dict[str, Any]
) -> None:
    rule, _ = rules.put("odd", {"statement": statement}, by=SYSTEM)
    address = f"/admin/breakers/requestrule/{rule.pk}/change/"
    assert office.post(address, form_of(office.get(address), priority="7")).status_code == 302
    assert (rules.find("odd").statement, rules.find("odd").priority) == (statement, 7)


def test_a_statement_that_rows_cannot_show_is_read_as_a_sentence(office: Client) -> None:
    rule, _ = rules.put("odd", {"statement": NESTED}, by=SYSTEM)
    shown = office.get(f"/admin/breakers/requestrule/{rule.pk}/change/")
    assert shown.context["conditions"] is None
    assert "Path starts with /a and (method is POST or IP in 10.0.0.0/8)." in shown.content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"conditions-0-values": "no-slash"}, "conditions-0-values"),
        ({"conditions-1-values": "300.1.1.1"}, "conditions-1-values"),
        ({"conditions-1-field": "header"}, "conditions-1-name"),
        ({"conditions-0-operator": "over"}, "conditions-0-operator"),
        ({"conditions-0-field": "body_size", "conditions-0-operator": "over"}, "conditions-0-values"),
        ({"conditions-0-values": ""}, "conditions-0-values"),
        ({"rate_limit": "0"}, "rate_limit"),
        ({"counted_headers": "User Agent"}, "counted_headers"),
        ({"label": "no spaces"}, "label"),
        ({"answer_status": "200"}, "answer_status"),
        ({"answer_content_type": "text"}, "answer_content_type"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_rule_is_shown_at_its_field(
    office: Client, form_of: Form, changes: dict[str, Any], field: str
) -> None:
    rule = examples.rule()
    address = f"/admin/breakers/requestrule/{rule.pk}/change/"
    refused = office.post(address, form_of(office.get(address), **changes))
    assert refused.status_code == 200
    assert field in errors_of(refused)
    assert RequestRule.objects.get().statement == rule.statement


def test_a_condition_is_taken_out(office: Client, form_of: Form) -> None:
    rule = examples.rule()
    address = f"/admin/breakers/requestrule/{rule.pk}/change/"
    assert office.post(address, form_of(office.get(address), **{"conditions-1-DELETE": "on"})).status_code == 302
    assert rules.find("no-admin").statement == {"path": {"starts": ["/admin"]}}


def test_a_plan_that_no_contract_bears_is_saved_with_a_warning(office: Client, form_of: Form) -> None:
    plan = examples.plan()
    address = f"/admin/breakers/usageplan/{plan.pk}/change/"
    key = {"path": "/articles/{id}", "api_key_required": True, "integration": {"type": "target", "target": "catalog"}}
    routes.put("article", key, by=SYSTEM)
    keys.create(examples.consumer().slug, {"plans": ["gold"]}, by=SYSTEM)
    saved = office.post(address, form_of(office.get(address), rate="900"), follow=True)
    told = [(message.level_tag, str(message)) for message in saved.context["messages"]]
    assert any(level == "warning" and "catalog" in text for level, text in told)
    assert dict(told)["info"].startswith(
        "900 requests/s, bursts of 200, 1,000,000 a month from the 1st 00:00 Europe/Vienna"
    )


def test_pages_lead_to_forms_by_the_names_they_know(office: Client) -> None:
    plan = examples.plan()
    assert office.get("/admin/of/plan/gold/").url == f"/admin/breakers/usageplan/{plan.pk}/change/"
    assert office.get("/admin/of/plan/bronze/").status_code == 404
    assert f"/admin/breakers/usageplan/{plan.pk}/change/" in office.get("/admin/").content.decode()
