"""The back office changes targets by the same operations, audited, and shows each problem at its field."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from breakers.documents import rows
from breakers.models import Contract, Journey, Target
from breakers.operations import journeys, overrides, targets
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal

ADD = "/admin/breakers/target/add/"
SYSTEM = Principal.system("test")
Form = Callable[..., dict[str, Any]]


@pytest.fixture
def catalog(db: None) -> Target:
    document = {
        "base_url": "http://127.0.0.1:9001",
        "title": "Catalog",
        "tags": ["money", "legacy"],
        "probe": {"path": "/up", "expect_body_contains": "ok"},
        "breaker": {
            "success_threshold": 2,
            "policies": [{"type": "consecutive_failures", "threshold": 4}, {"type": "failure_rate"}],
        },
        "classification": [{"match": "404", "outcome": "ignore"}],
        "contracts": [{"limit": 5, "period_s": 1.5}],
        "fallback": {"static": {"items": []}},
    }
    return targets.put("catalog", document, by=SYSTEM)[0]


def page(target: Target) -> str:
    return f"/admin/breakers/target/{target.pk}/change/"


def added(prefix: str, index: int, **fields: Any) -> dict[str, Any]:
    """An inline row that was added on the page."""
    return {f"{prefix}-TOTAL_FORMS": index + 1, **{f"{prefix}-{index}-{name}": value for name, value in fields.items()}}


def test_a_target_is_registered_with_all_its_defaults(office: Client, form_of: Form) -> None:
    sent = form_of(office.get(ADD), slug="catalog", base_url="http://127.0.0.1:9001", reason="new provider")
    assert office.post(ADD, sent).status_code == 302
    by_rest, _ = targets.put("other", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    document = rows.document(targets.find("catalog"))
    assert {**document, "slug": "other"} == rows.document(by_rest)
    entry = AuditEntry.objects.order_by("number")[0]
    assert (entry.by, entry.action, entry.subject, entry.reason) == (
        "a-admin",
        "target.put",
        "target:catalog",
        "new provider",
    )


def test_a_target_is_registered_with_policies_a_probe_and_a_contract(office: Client, form_of: Form) -> None:
    sent = form_of(
        office.get(ADD),
        slug="catalog",
        base_url="http://127.0.0.1:9001",
        **added("policies", 0, type="failure_rate", failure_rate_threshold="25", position="1"),
        **added("contracts", 0, limit="10", period_s="60", on_exhausted="wait", max_wait_ms="100"),
        **added("classification", 0, match="404", outcome="failure", position="1"),
        **added("probe", 0, method="GET", path="/health", expect_status="200-299", interval_s="10"),
    )
    assert office.post(ADD, sent).status_code == 302
    document = rows.document(targets.find("catalog"))
    assert [policy["type"] for policy in document["breaker"]["policies"]] == ["failure_rate"]
    assert document["breaker"]["half_open_by"] == "probe"
    assert document["contracts"] == [{"limit": 10, "period_s": 60, "on_exhausted": "wait", "max_wait_ms": 100}]
    assert document["classification"] == [{"match": "404", "outcome": "failure"}]


def test_saving_the_page_as_it_stands_changes_nothing(office: Client, form_of: Form, catalog: Target) -> None:
    before = rows.document(catalog)
    ledger = Contract.objects.get().pk
    assert office.post(page(catalog), form_of(office.get(page(catalog)))).status_code == 302
    assert rows.document(targets.find("catalog")) == before
    assert Contract.objects.get().pk == ledger
    assert AuditEntry.objects.count() == 1


def test_a_change_is_audited_with_its_reason(office: Client, form_of: Form, catalog: Target) -> None:
    sent = form_of(office.get(page(catalog)), timeout_ms="750", reason="provider asked for it")
    sent["policies-1-DELETE"] = "on"
    assert office.post(page(catalog), sent).status_code == 302
    document = rows.document(targets.find("catalog"))
    assert document["timeout_ms"] == 750
    assert len(document["breaker"]["policies"]) == 1
    assert AuditEntry.objects.order_by("-number")[0].reason == "provider asked for it"


@pytest.mark.parametrize(
    ("changes", "where", "field"),
    [
        ({"base_url": "http://169.254.169.254"}, None, "base_url"),
        ({"timeout_ms": "0"}, None, "timeout_ms"),
        ({"cache_vary_headers": "Accept Language"}, None, "cache_vary_headers"),
        ({"fallback_body": '{"items": '}, None, "fallback_body"),
        ({"fallback_status": "99"}, None, "fallback_status"),
        ({"fallback_content_type": "json"}, None, "fallback_content_type"),
        ({"breaker-0-permitted_number_of_calls_in_half_open_state": "1"}, "breaker", "success_threshold"),
        ({"breaker-0-max_wait_duration_in_open_state_s": "1"}, "breaker", "max_wait_duration_in_open_state_s"),
        ({"policies-0-failure_rate_threshold": "10"}, "policies", "failure_rate_threshold"),
        ({"probe-0-expect_status": "9xx"}, "probe", "expect_status"),
        ({"probe-0-count": "1"}, "probe", "count"),
        ({"classification-0-match": "5yx"}, "classification", "match"),
        ({"contracts-0-limit": "0"}, "contracts", "limit"),
    ],
    ids=str,
)
def test_what_could_never_work_is_shown_at_its_field(
    office: Client, form_of: Form, catalog: Target, changes: dict[str, Any], where: str | None, field: str
) -> None:
    before = rows.document(catalog)
    refused = office.post(page(catalog), form_of(office.get(page(catalog)), **changes))
    assert refused.status_code == 200
    form = refused.context["adminform"].form
    if where is not None:
        inlines = {inline.formset.prefix: inline.formset for inline in refused.context["inline_admin_formsets"]}
        form = inlines[where].forms[0]
    assert field in form.errors
    assert rows.document(targets.find("catalog")) == before


def test_the_page_says_the_settings_in_one_sentence(office: Client, catalog: Target) -> None:
    assert "Opens after 4 failures in a row or when 50 % of" in office.get(page(catalog)).content.decode()


def test_a_target_is_deleted_with_its_order_and_a_reason(office: Client, catalog: Target) -> None:
    overrides.put("catalog", state="DISABLED", reason="drill", by=SYSTEM)
    address = f"/admin/breakers/target/{catalog.pk}/delete/"
    assert "Reason for this change" in office.get(address).content.decode()
    assert office.post(address, {"post": "yes", "reason": "contract ended"}).status_code == 302
    assert not Target.objects.exists()
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.by, entry.reason) == ("target.delete", "a-admin", "contract ended")


def test_a_target_in_use_is_not_deleted_and_the_page_says_by_what(office: Client, catalog: Target) -> None:
    journeys.put("reading", {"targets": ["catalog"]}, by=SYSTEM)
    address = f"/admin/breakers/target/{catalog.pk}/delete/"
    shown = office.get(address).content.decode()
    assert f'<a href="/admin/breakers/journey/{Journey.objects.get().pk}/change/">journey reading</a>' in shown.replace(
        "'", '"'
    )
    assert 'name="post"' not in shown
    office.post(address, {"post": "yes", "reason": "no longer"})
    assert Target.objects.exists()


def test_nothing_is_deleted_without_a_reason(office: Client, catalog: Target) -> None:
    answer = office.post(f"/admin/breakers/target/{catalog.pk}/delete/", {"post": "yes", "reason": " "}, follow=True)
    assert "Say why" in answer.content.decode()
    assert Target.objects.exists()


def test_one_that_is_in_use_keeps_all_that_were_chosen(office: Client, catalog: Target) -> None:
    other, _ = targets.put("other", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    journeys.put("reading", {"targets": ["catalog"]}, by=SYSTEM)
    sent = {"action": "delete_selected", "_selected_action": [catalog.pk, other.pk]}
    assert "journey reading" in office.post("/admin/breakers/target/", sent).content.decode()
    office.post("/admin/breakers/target/", {**sent, "post": "yes", "reason": "clearing up"})
    assert Target.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"body": "Later."}, {"status": 200, "content_type": "text/plain; charset=utf-8", "body": "Later."}),
        ({"body": '["a"]'}, {"status": 200, "content_type": "application/json", "body": ["a"]}),
        (
            {"body": '["a"]', "content_type": "text/plain", "status": "503"},
            {"status": 503, "content_type": "text/plain", "body": '["a"]'},
        ),
        ({"status": "204"}, {"status": 204, "content_type": "text/plain; charset=utf-8", "body": ""}),
        ({}, None),
    ],
    ids=str,
)
def test_a_static_answer_is_three_fields(
    office: Client, form_of: Form, catalog: Target, fields: dict[str, str], answer: dict[str, Any] | None
) -> None:
    empty = {"fallback_status": "", "fallback_content_type": "", "fallback_body": ""}
    sent = form_of(
        office.get(page(catalog)), **{**empty, **{f"fallback_{name}": each for name, each in fields.items()}}
    )
    assert office.post(page(catalog), sent).status_code == 302
    assert rows.document(targets.find("catalog"))["fallback"]["static"] == answer


def test_whoever_saves_second_is_told_what_came_between(office: Client, form_of: Form, catalog: Target) -> None:
    mine = form_of(office.get(page(catalog)), timeout_ms="700")
    targets.patch("catalog", {"title": "Theirs"}, by=SYSTEM, reason="renamed")
    told = office.post(page(catalog), mine)
    assert "test changed it meanwhile, because “renamed”" in told.content.decode()
    assert targets.find("catalog").title == "Theirs"
    assert office.post(page(catalog), form_of(told)).status_code == 302
    assert (targets.find("catalog").title, targets.find("catalog").timeout_ms) == ("Catalog", 700)


def test_a_refused_row_of_an_act_keeps_them_all(office: Client, catalog: Target) -> None:
    targets.put("other", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    silent = {"base_url": "http://127.0.0.1:9001", "breaker": {"mode": "observe", "policies": []}}
    never, _ = targets.put("never", silent, by=SYSTEM)
    sent = {"action": "enforce", "_selected_action": [catalog.pk, never.pk], "reason": "go live"}
    answer = office.post("/admin/breakers/target/", sent, follow=True).content.decode()
    assert "Nothing was changed" in answer
    assert "Without a policy the circuit never opens" in answer


def test_deleting_several_is_one_audited_act_for_each(office: Client, catalog: Target) -> None:
    other, _ = targets.put("other", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)
    sent = {"action": "delete_selected", "_selected_action": [catalog.pk, other.pk]}
    changelist = "/admin/breakers/target/"
    assert "Reason for this change" in office.post(changelist, sent).content.decode()
    office.post(changelist, {**sent, "post": "yes", "reason": "clearing up"})
    assert not Target.objects.exists()
    deleted = AuditEntry.objects.filter(action="target.delete").values_list("subject", "reason")
    assert sorted(deleted) == [("target:catalog", "clearing up"), ("target:other", "clearing up")]


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_look_and_do_not_touch(back_office: Callable[[str], Client], catalog: Target, role: str) -> None:
    client = back_office(role)
    assert client.get(page(catalog)).status_code == 200
    assert client.post(page(catalog), {}).status_code == 403
    assert client.get(ADD).status_code == 403


def test_records_are_shown_and_never_changed(office: Client, catalog: Target) -> None:
    order = overrides.put("catalog", state="DISABLED", reason="drill", by=SYSTEM)
    for record in ("override", "journeydelay", "transition", "proberun"):
        assert office.get(f"/admin/breakers/{record}/").status_code == 200
        assert office.get(f"/admin/breakers/{record}/add/").status_code == 403
    assert office.get(f"/admin/breakers/override/{order.pk}/change/").status_code == 200
    assert office.post(f"/admin/breakers/override/{order.pk}/change/", {}).status_code == 403
    assert office.post(f"/admin/breakers/override/{order.pk}/delete/", {"post": "yes"}).status_code == 403


def test_secrets_are_typed_kept_and_never_shown(office: Client, form_of: Form, catalog: Target) -> None:
    stated = {"proxy_url": "http://127.0.0.1:3128", "proxy_username": "ada", "proxy_secret": "hush-hush"}
    stated |= {"credentials_type": "header", "credentials_name": "X-Api-Key", "credentials_value": "psst-psst"}
    assert office.post(page(catalog), form_of(office.get(page(catalog)), **stated)).status_code == 302
    shown = office.get(page(catalog))
    kept = Target.objects.get(slug="catalog")
    html = shown.content.decode()
    assert [word for word in ("hush-hush", "psst-psst", kept.proxy_password) if word in html] == []
    assert office.post(page(catalog), form_of(shown, timeout_ms="750")).status_code == 302
    assert Target.objects.get(slug="catalog").proxy_password == kept.proxy_password
    moved = office.post(page(catalog), form_of(office.get(page(catalog)), proxy_url="http://127.0.0.1:3129"))
    assert "proxy_secret" in moved.context["adminform"].form.errors


def test_who_may_only_look_sees_no_secret_not_even_encrypted(back_office: Callable[[str], Client]) -> None:
    document = {
        "base_url": "http://127.0.0.1:9001",
        "proxy": {"url": "http://127.0.0.1:3128", "username": "ada", "password": "hush-hush"},
    }
    target, _ = targets.put("erp", document, by=SYSTEM)
    html = back_office("viewer").get(page(target)).content.decode()
    assert "http://127.0.0.1:3128" in html
    assert target.proxy_password not in html
