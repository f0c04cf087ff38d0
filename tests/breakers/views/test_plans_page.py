"""Pages of usage plans: what they tell of use and limits, and changes that are seen before they are saved."""

import csv
import html
import io
import re

import pytest

from breakers.models import QuotaLedger, UsagePlan
from breakers.operations import consumers, keys, plans
from breakers.usage import present_period
from compositions.operations import routes
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision
from controlplane.kernel import clock

from .conftest import GOLD, SETUP
from .test_board_page import text

PAGE = "/plans/gold/"
CHANGE = "/plans/gold/change/"
NEW = "/plans/-/new/"


def form(stage_pk="", **over):
    """What a browser sends for GOLD as it is, with some fields typed over."""
    fields = {
        "title": "Gold",
        "description": "",
        "stages": stage_pk,
        "rate": "100",
        "burst": "200",
        "quota_limit": "10000",
        "quota_period": "MONTH",
        "quota_time_zone": "Europe/Vienna",
        "quota_offset_h": "0",
        "mode": "enforce",
        "on_store_error": "local",
        "override-0-route": "articles",
        "override-0-method": "POST",
        "override-0-rate": "5",
        "override-0-burst": "10",
        "override-1-route": "",
        "override-1-method": "",
        "override-1-rate": "",
        "override-1-burst": "",
        "act": "preview",
    }
    return {**fields, "expected": str(current_revision("plan", "gold")), **over}


@pytest.fixture
def main_pk(market):
    return str(UsagePlan.objects.get(slug="gold").stages.get(slug="main").pk)


def field(page, name):
    """The value that a field shows."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', page.content.decode())
    value = re.search(r'value="([^"]*)"', found.group())
    return value.group(1) if value else ""


def row(page, slug):
    return re.search(rf'<tr id="plan-{slug}".*?</tr>', page.content.decode(), re.S).group()


# The list -------------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do(enter, valkey):
    assert "No plan yet" in text(enter("viewer").get("/plans/"))
    assert NEW in enter("admin").get("/plans/").content.decode()


def test_the_list_tells_limits_state_consumers_and_use(enter, market, counted):
    counted("acme", "gold", admitted=120, throttled__client=30)
    plans.put("idle", {"mode": "count", "rate": 1}, by=SETUP)
    plans.put("shut", {"stages": []}, by=SETUP)
    page = enter("viewer").get("/plans/")
    gold = re.sub(r"<[^>]+>", " ", row(page, "gold"))
    for words in ("100 requests/s, bursts of 200", "10,000 a month from the 1st 00:00 Europe/Vienna", "enforced"):
        assert words in gold
    assert "30 (20\u00a0%)" in gold
    assert '<td class="number" data-label="Requests/s now">2.0</td>' in row(page, "gold")
    assert "counts only, refuses nothing" in row(page, "idle")
    assert "opens no stage" in row(page, "shut")


@pytest.mark.parametrize(
    ("query", "shown"),
    [("q=gol", True), ("q=articles", True), ("q=silver", False), ("mode=count", False), ("stage=main", True)],
)
def test_the_list_can_be_searched(enter, market, query, shown):
    assert ('id="plan-gold"' in enter("viewer").get(f"/plans/?{query}").content.decode()) is shown


def test_the_list_is_exported_as_it_is_filtered(enter, market, counted):
    counted("acme", "gold", admitted=7)
    plans.put("other", {"title": "=HYPERLINK(1)"}, by=SETUP)
    viewer = enter("viewer")
    answer = viewer.get("/plans/-/export.csv?q=gold")
    assert answer["Content-Type"].startswith("text/csv")
    (only,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (only["slug"], only["quota"], only["consumers"], only["last_hour_let_through"]) == (
        "gold",
        "10000",
        "1",
        "7",
    )
    assert "'=HYPERLINK" in viewer.get("/plans/-/export.csv").content.decode()


# A plan's page --------------------------------------------------------------------------------------------------------


def test_the_page_says_the_settings_in_one_sentence(enter, market):
    page = text(enter("viewer").get(PAGE))
    assert "100 requests/s, bursts of 200, 10,000 a month from the 1st 00:00 Europe/Vienna" in page
    assert "POST of route articles: 5 requests/s, bursts of 10" in page


def test_the_page_draws_use_against_the_limit_and_refusals_by_reason(enter, market, counted):
    counted("acme", "gold", 1, admitted=3000, throttled__client=600, quota=60)
    page = enter("viewer").get(PAGE)
    assert "At most 61 requests/s" in text(page)
    assert "61 % of the plan's own limit of 100 requests/s" in html.unescape(text(page))
    assert "660 requests in all." in text(page)
    assert "above the rate of its usage plan 600 (91 %)" in text(page)
    assert "quota used up 60 (9.1 %)" in text(page)
    assert page.content.decode().count("<svg") >= 3


def test_a_rate_that_overrides_replace_everywhere_is_no_line_in_the_chart(enter, market, counted):
    counted("acme", "gold", 1, admitted=3000)
    routes.patch("checkout", {"api_key_required": False}, by=SETUP)
    plans.put("gold", {**GOLD, "overrides": [{"route": "articles", "rate": 5}]}, by=SETUP)
    page = enter("viewer").get(f"{PAGE}?consumer=acme")
    assert "At most 50 requests/s" in text(page)
    assert "mark-limit" not in page.content.decode()
    assert not re.search("of the(| plan's own) limit|rate now", html.unescape(text(page)))


def test_a_consumers_quota_comes_with_the_day_on_which_it_ends(enter, market, counted):
    plan = UsagePlan.objects.get(slug="gold")
    start, end = present_period(plan, clock.now())
    ledger = {"consumer": consumers.find("acme"), "plan": plan, "period_start": start, "period_end": end}
    QuotaLedger.objects.create(**ledger, drawn=10_000)
    assert "10,000 of 10,000 (100 %): used up, begins anew" in text(enter("viewer").get(PAGE))


def test_effective_limits_come_winning_first_with_the_reason(enter, market):
    page = text(enter("viewer").get(PAGE))
    assert page.index("override POST articles of plan Gold: 5/s, burst 10") < page.index("replaced by override POST")
    assert "No key is needed on" in page


def test_capacity_findings_that_concern_the_plan_are_on_its_page(enter, market):
    keys.create("acme", {"plans": ["gold"]}, by=SETUP)
    plans.put("gold", {**GOLD, "rate": 500, "burst": 500}, by=SETUP)
    assert "contract of payment allows 120/s" in text(enter("viewer").get(PAGE))


def test_htmx_gets_the_figures_alone(enter, market):
    page = enter("viewer").get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert page.lstrip().startswith('<div id="live"')


def test_an_unknown_plan_is_not_found(enter, market):
    admin = enter("admin")
    for path in ("/plans/nobody/", "/plans/nobody/change/", "/plans/nobody/delete/", f"{NEW}?from=nobody"):
        assert admin.get(path).status_code == 404


# Changing -------------------------------------------------------------------------------------------------------------


def test_who_may_only_view_sees_no_buttons_and_is_refused(enter, market):
    for role in ("viewer", "operator"):
        client = enter(role)
        assert "Delete…" not in text(client.get(PAGE))
        assert client.get(CHANGE).status_code == 403
        assert client.post(CHANGE, form()).status_code == 403
        assert client.post("/plans/gold/delete/", {"reason": "x"}).status_code == 403
    assert UsagePlan.objects.filter(slug="gold").exists()


def test_the_form_is_filled_with_what_is_saved(enter, market):
    page = enter("admin").get(CHANGE)
    assert (field(page, "rate"), field(page, "quota_limit"), field(page, "override-0-rate")) == ("100", "10000", "5")
    assert "any route" in text(page)


def test_a_preview_saves_nothing_and_tells_what_would_happen(enter, main_pk):
    page = enter("admin").post(CHANGE, form(main_pk, rate="500", burst="600"))
    words = text(page)
    assert page.status_code == 200
    assert UsagePlan.objects.get(slug="gold").rate == 100
    assert "rate (requests/s) 100 500" in words
    assert "1 working key of 1 consumer: acme" in words
    assert "plan Gold: 100/s, burst 200" in words
    assert "plan Gold: 500/s, burst 600" in words
    assert "This would newly not fit" in words
    assert "contract of payment allows 120/s" in words
    assert "last 15 min" in words


def test_saving_asks_why_and_keeps_what_was_typed(enter, main_pk):
    page = enter("admin").post(CHANGE, form(main_pk, rate="50", act="save"))
    assert page.status_code == 400
    assert "Say why" in text(page)
    assert '<input type="hidden" name="rate" value="50">' in page.content.decode()
    assert UsagePlan.objects.get(slug="gold").rate == 100


def test_a_confirmed_change_is_saved_audited_and_leads_back(enter, main_pk):
    answer = enter("admin", "ana").post(CHANGE, form(main_pk, rate="50", act="save", reason="ticket API-7"))
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    plan = UsagePlan.objects.get(slug="gold")
    assert (plan.rate, plan.overrides.get().rate) == (50, 5)
    assert AuditEntry.objects.filter(subject="plan:gold", by="ana", reason="ticket API-7").exists()


def test_from_the_preview_one_can_go_back_to_the_form(enter, main_pk):
    page = enter("admin").post(CHANGE, form(main_pk, rate="50", act="edit"))
    assert page.status_code == 200
    assert field(page, "rate") == "50"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"rate": "fast"}, "Enter a number"),
        ({"rate": "0"}, "greater than or equal to 0.001"),
        ({"rate": "", "burst": "5"}, "A burst alone limits nothing"),
        ({"quota_time_zone": "Europe/Wien"}, "There is no time zone"),
        ({"override-0-rate": ""}, "State the rate, or empty the whole row"),
        ({"override-0-route": "", "override-0-method": ""}, "Name a route, a method or both"),
        ({"override-1-route": "articles", "override-1-method": "POST", "override-1-rate": "9"}, "Another override"),
    ],
    ids=[
        "not-a-number",
        "nought",
        "burst-alone",
        "zone",
        "override-without-rate",
        "override-nowhere",
        "override-twice",
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(enter, main_pk, typed, told):
    page = enter("admin").post(CHANGE, form(main_pk, title="Gold and more", **typed))
    assert page.status_code == 400
    assert told in text(page)
    assert field(page, "title") == "Gold and more"
    assert UsagePlan.objects.get(slug="gold").title == "Gold"


def test_an_emptied_row_removes_the_override(enter, main_pk):
    emptied = {f"override-0-{name}": "" for name in ("route", "method", "rate", "burst")}
    enter("admin").post(CHANGE, form(main_pk, act="save", reason="gone", **emptied))
    assert not UsagePlan.objects.get(slug="gold").overrides.exists()


def test_without_a_script_one_more_row_can_be_asked_for(enter, main_pk):
    page = enter("admin").post(CHANGE, form(main_pk, rate="50", act="row"))
    assert 'name="override-2-rate"' in page.content.decode()
    assert field(page, "rate") == "50"
    assert UsagePlan.objects.get(slug="gold").rate == 100


@pytest.mark.parametrize("act", ["preview", "save"])
def test_the_second_of_two_admins_is_told_what_the_first_changed(enter, main_pk, act):
    late = form(main_pk, rate="50", act=act, reason="slower")
    plans.put("gold", {**GOLD, "rate": 70}, by=SETUP, reason="agreed by phone")
    page = enter("admin").post(CHANGE, late)
    assert page.status_code == 409
    assert "test changed it first, because “agreed by phone”" in text(page)
    assert "rate (requests/s) 100 70" in text(page)
    assert field(page, "rate") == "50"
    assert UsagePlan.objects.get(slug="gold").rate == 70


def test_having_read_that_the_second_admin_can_go_on(enter, main_pk):
    admin, late = enter("admin"), form(main_pk, rate="50")
    plans.put("gold", {**GOLD, "rate": 70}, by=SETUP)
    told = admin.post(CHANGE, late)
    again = late | {"expected": field(told, "expected"), "act": "save", "reason": "50 it is"}
    assert admin.post(CHANGE, again).status_code == 302
    assert UsagePlan.objects.get(slug="gold").rate == 50


def test_a_new_plan_is_made_after_its_preview(enter, main_pk):
    admin, typed = enter("admin"), form(main_pk, slug="silver", title="Silver", expected="0")
    assert "Make plan silver?" in text(admin.post(NEW, typed))
    assert not UsagePlan.objects.filter(slug="silver").exists()
    answer = admin.post(NEW, typed | {"act": "save", "reason": "new customers"})
    assert answer.headers["Location"] == "/plans/silver/"
    assert UsagePlan.objects.get(slug="silver").title == "Silver"


def test_a_new_plan_cannot_take_the_name_of_another(enter, main_pk):
    page = enter("admin").post(NEW, form(main_pk, slug="gold", rate="1", act="save", reason="oops"))
    assert page.status_code == 409
    assert "There is a plan gold already" in text(page)
    assert UsagePlan.objects.get(slug="gold").rate == 100


def test_a_clone_begins_with_everything_but_the_name_and_the_keys(enter, market):
    page = enter("admin").get(f"{NEW}?from=gold")
    assert (field(page, "slug"), field(page, "title")) == ("gold-copy", "Gold (copy)")
    assert (field(page, "rate"), field(page, "override-0-rate")) == ("100", "5")


def test_a_plan_with_keys_says_whose_they_are_instead_of_being_deleted(enter, market):
    admin = enter("admin")
    page = admin.get("/plans/gold/delete/")
    assert "It cannot be deleted while these refer to it" in text(page)
    assert "Acme Media" in text(page)
    assert admin.post("/plans/gold/delete/", {"reason": "away"}).status_code == 409
    assert UsagePlan.objects.filter(slug="gold").exists()


def test_a_plan_without_keys_is_deleted_with_a_reason(enter, market):
    plans.put("idle", {}, by=SETUP)
    admin = enter("admin")
    assert admin.post("/plans/idle/delete/", {"reason": ""}).status_code == 409
    assert admin.post("/plans/idle/delete/", {"reason": "never sold"}).headers["Location"] == "/plans/"
    assert not UsagePlan.objects.filter(slug="idle").exists()
    assert AuditEntry.objects.filter(subject="plan:idle", reason="never sold").exists()


def test_after_an_expired_login_the_form_is_as_it_was_filled_in(enter, main_pk, client):
    origin = {"Referer": f"http://testserver{CHANGE}", "Accept": "text/html"}
    sent = client.post(CHANGE, form(main_pk, rate="50"), headers=origin)
    assert sent.headers["Location"].startswith("/login/")
    enter("admin")
    login = client.post(sent.headers["Location"], {"username": "admin", "password": "correct horse battery"})
    assert login.headers["Location"] == CHANGE
    page = client.get(CHANGE)
    assert field(page, "rate") == "50"
    assert "nothing was saved" in text(page)


def test_no_page_carries_an_inline_style_or_script(enter, main_pk, counted):
    counted("acme", "gold", admitted=3000, throttled__client=600)
    admin = enter("admin")
    pages = [admin.get(path) for path in ("/plans/", PAGE, CHANGE, NEW, "/plans/gold/delete/")]
    pages.append(admin.post(CHANGE, form(main_pk, rate="50")))
    for page in pages:
        assert not re.search(r"\sstyle=|<style|<script>|\son[a-z]+=", page.content.decode())


def test_titles_are_escaped(enter, market):
    plans.put("odd", {"title": "<script>alert(1)</script>", "description": "<b>"}, by=SETUP)
    admin = enter("admin")
    for path in ("/plans/", "/plans/odd/", "/plans/odd/change/", "/plans/odd/delete/"):
        assert "<script>alert" not in admin.get(path).content.decode()
