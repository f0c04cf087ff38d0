"""The pages of request rules: list and order, a rule's page, the form, the tester, and the way from count to block."""

import asyncio
import csv
import html
import io
import json
import re
from datetime import timedelta

import pytest
import redis.asyncio
from django.conf import settings as django_settings

from breakers import rules_reading
from breakers.admission.screening import Screen
from breakers.core.conditions import rows
from breakers.documents.rules import document
from breakers.models import RequestRule, RuleCount
from breakers.models.usage import Span
from breakers.operations import rules, stages
from breakers.panels.rule_order import moved
from breakers.store.rules import Keys
from breakers.store.windows import WindowStore
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision
from controlplane.kernel import clock
from tests.breakers.admission.rules import request

from .conftest import SETUP
from .test_board_page import text

FLOOD = {
    "title": "Too many searches",
    "statement": {"path": {"starts": ["/search"]}},
    "rate": {"limit": 3, "window_s": 300, "keys": ["forwarded_ip"]},
    "action": "count",
}
# A sentence that no rows can say: an and of ors.
NESTED = {
    "all": [
        {"any": [{"path": {"starts": ["/a"]}}, {"path": {"starts": ["/b"]}}]},
        {"any": [{"method": ["POST"]}, {"label": "odd"}]},
    ]
}
PAGE, CHANGE, NEW, TEST = "/rules/flood/", "/rules/flood/change/", "/rules/-/new/", "/rules/-/test/"


def form(slug="flood", **over):
    """What a browser sends for FLOOD as it is, with some fields typed over; None leaves one out."""
    fields = {
        "title": "Too many searches",
        "shape": "rows",
        "rule": slug,
        **condition(0, 1, "path", "starts", "/search"),
        "rate_limit": "3",
        "rate_window_s": "300",
        "counted_by": ["forwarded_ip"],
        "counted_headers": "",
        "action": "count",
        "label": "",
        "answer_status": "",
        "answer_content_type": "",
        "answer_body": "",
        "stage": "",
        "priority": "100",
        "enabled": "on",
        "act": "preview",
        "expected": str(current_revision("rule", slug)),
    }
    fields |= {name.replace("__", "-"): value for name, value in over.items()}
    return {name: value for name, value in fields.items() if value is not None}


def condition(number, group, field, operator, values="", name="", **flags):
    cells = {"group": group, "field": field, "operator": operator, "values": values, "name": name, **flags}
    return {f"cond-{number}-{cell}": str(value) for cell, value in cells.items()}


def trial(**fields):
    given = {"method": "GET", "path": "/", "ip": "192.0.2.7", "stage": "main", "body_bytes": "", "seen": ""}
    return {f"secret-try-{name}": value for name, value in (given | {"headers": ""} | fields).items()}


def value(page, name):
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', page.content.decode())
    shown = re.search(r'value="([^"]*)"', found.group()) if found else None
    return html.unescape(shown.group(1)) if shown else ""


def part(page, pattern):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.search(pattern, page.content.decode(), re.S).group()))


def row(page, slug):
    return part(page, rf'<tr id="rule-{slug}".*?</tr>')


@pytest.fixture
def flood(db, valkey):
    rules.put("flood", FLOOD, by=SETUP)
    return "flood"


@pytest.fixture
def traffic(valkey):
    """Requests go through the saved rules as in a front door: `traffic(request(…), request(…))`."""

    def send(*requests):
        documents = [document(rule) for rule in rules.rows()]

        async def through():
            client = redis.asyncio.Redis.from_url(django_settings.VALKEY_URL)
            screen = Screen(WindowStore(client, django_settings.KEY_PREFIX), now_ms=clock.now_ms)
            screen.configure(documents)
            for one in requests:
                screen.check(one)
            await screen.close()
            await client.aclose()

        asyncio.run(through())

    return send


def searches(number, ip="192.0.2.7", **more):
    return [request("/search", ip=ip, query="q=x", **more) for _ in range(number)]


# The list -------------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_to_do_and_offers_starting_points(enter, valkey):
    assert "No rule yet" in text(enter("viewer").get("/rules/"))
    page = enter("admin").get("/rules/").content.decode()
    for begin in ("address", "network", "path", "bodies"):
        assert f"{NEW}?begin={begin}" in page


def test_the_list_is_in_order_and_says_what_each_rule_does_and_did(enter, flood, traffic):
    rules.put("office", {"priority": 5, "action": "allow", "statement": {"ip": ["10.0.0.0/8"]}}, by=SETUP)
    traffic(*searches(8))
    page = enter("viewer").get("/rules/")
    assert re.findall(r'id="rule-([a-z]+)"', page.content.decode()) == ["office", "flood"]
    assert "IP in 10.0.0.0/8" in row(page, "office")
    assert "✓ lets through" in row(page, "office")
    told = row(page, "flood")
    assert "Path starts with /search" in told
    assert "beyond 3 in 5 min of one forwarded IP address" in told
    assert "It would have blocked 5 requests in the last 24 hours" in told
    assert told.count(" 5 ") >= 2


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("q=search", True),
        ("q=nothing", False),
        ("action=count", True),
        ("action=block", False),
        ("action=off", False),
        ("stage=*", True),
        ("stage=main", False),
    ],
)
def test_the_list_can_be_searched_and_filtered(enter, flood, query, shown):
    assert ('id="rule-flood"' in enter("viewer").get(f"/rules/?{query}").content.decode()) is shown


def test_the_list_is_exported_as_it_is_filtered(enter, flood, traffic):
    rules.put("other", {"title": "=HYPERLINK(1)"}, by=SETUP)
    traffic(*searches(8))
    viewer = enter("viewer")
    (only,) = csv.DictReader(io.StringIO(viewer.get("/rules/-/export.csv?q=searches").content.decode()))
    assert (only["slug"], only["conditions"], only["rate_limit"]) == ("flood", "path starts with /search", "3")
    assert (only["matched_24_h"], only["would_have_blocked_24_h"]) == ("5", "5")
    assert "'=HYPERLINK" in viewer.get("/rules/-/export.csv").content.decode()


def test_while_valkey_is_away_the_list_says_so(enter, flood, settings):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    viewer = enter("viewer")
    assert "what rules match is not known now" in text(viewer.get("/rules/"))
    page = text(viewer.get(PAGE))
    assert "what the rule matches is not known now" in page
    assert "What it would have refused is not known now" in page


def arranged(client, slug, act, **fields):
    expected = str(current_revision("rule", slug))
    return client.post(f"/rules/{slug}/arrange/", {"act": act, "expected": expected, "rule": slug, **fields})


def test_a_rule_is_switched_off_and_on_with_a_reason(enter, flood):
    admin = enter("admin", "ana")
    refused = arranged(admin, "flood", "disable", reason="")
    assert refused.status_code == 409
    assert "Say why" in text(refused)
    assert arranged(admin, "flood", "disable", reason="too eager").headers["Location"] == "/rules/#rule-flood"
    assert not RequestRule.objects.get().enabled
    assert AuditEntry.objects.filter(subject="rule:flood", by="ana", reason="too eager").exists()
    assert "○ switched off" in row(admin.get("/rules/"), "flood")
    arranged(admin, "flood", "enable", reason="again")
    assert RequestRule.objects.get().enabled


def test_a_rule_is_moved_by_a_step(enter, valkey):
    for number, slug in enumerate(("one", "two", "three")):
        rules.put(slug, {"priority": 10 * number}, by=SETUP)
    admin = enter("admin")
    arranged(admin, "three", "up")
    assert [rule.slug for rule in rules.rows()] == ["one", "three", "two"]
    arranged(admin, "one", "down")
    assert [rule.slug for rule in rules.rows()] == ["three", "one", "two"]
    assert AuditEntry.objects.filter(subject="rule:one", reason="one is asked one place later").exists()


def test_another_priority_is_refused_at_the_row_with_what_was_typed(enter, flood):
    admin = enter("admin")
    page = arranged(admin, "flood", "priority", priority="soon", reason="earlier please")
    assert page.status_code == 400
    assert 'value="earlier please"' in page.content.decode()
    assert 'role="alert">flood:' in page.content.decode()
    arranged(admin, "flood", "priority", priority="7", reason="earlier please")
    assert RequestRule.objects.get().priority == 7


def test_of_two_who_arrange_at_once_the_second_is_told(enter, flood):
    admin, seen = enter("admin"), str(current_revision("rule", "flood"))
    rules.patch("flood", {"label": "busy"}, by=SETUP, reason="a label")
    page = admin.post("/rules/flood/arrange/", {"act": "disable", "expected": seen, "reason": "off with it"})
    assert page.status_code == 409
    assert "test changed it first, because “a label”" in text(page)
    assert RequestRule.objects.get().enabled


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize(
    "places",
    [
        [(1, "a"), (2, "b"), (3, "c")],
        [(5, "a"), (5, "b"), (5, "c")],
        [(0, "a"), (0, "b"), (1, "c"), (1, "d")],
        [(0, "c"), (1, "a"), (1, "b"), (2, "d")],
        [(1_000_000, "a"), (1_000_000, "b")],
    ],
)
def test_a_step_changes_the_order_by_one_place_and_nothing_else(places, up):
    names = [name for _, name in sorted(places)]
    for at, name in enumerate(names):
        fresh = moved(places, name, up=up)
        assert all(0 <= priority <= 1_000_000 for priority in fresh.values())
        result = [slug for _, slug in sorted((fresh.get(slug, priority), slug) for priority, slug in places)]
        to = min(len(names) - 1, max(0, at + (-1 if up else 1)))
        wanted = [other for other in names if other != name]
        wanted.insert(to, name)
        assert result == wanted


# A rule's page --------------------------------------------------------------------------------------------------------


def test_the_page_says_the_rule_in_one_sentence_and_its_place(enter, flood):
    rules.put("office", {"priority": 5, "action": "allow", "statement": {"ip": ["10.0.0.0/8"]}}, by=SETUP)
    page = text(enter("viewer").get(PAGE))
    assert "Counts requests whose path starts with /search beyond 3 in 5 minutes" in page
    assert "It is asked after office." in page


def test_a_counting_rule_says_what_it_would_have_refused_and_whom(enter, flood, traffic):
    traffic(*searches(9), *searches(4, ip="198.51.100.1"), *searches(2, ip="203.0.113.5"))
    page = text(enter("viewer").get(PAGE))
    assert "If this rule blocked now: 7 requests of 2 clients in the last hour would have been refused." in page
    assert "These clients most: 192.0.2.7 (6), 198.51.100.1 (1)" in page


def test_what_it_refused_already_is_not_counted_among_what_it_would_have_refused(enter, flood, traffic):
    rules.patch("flood", {"action": "block"}, by=SETUP)
    traffic(*searches(7))
    rules.patch("flood", {"action": "count"}, by=SETUP)
    viewer = enter("viewer")
    assert "nothing more of the last hour would have been refused; it held back 4 requests already." in text(
        viewer.get(PAGE)
    )
    traffic(*searches(5, ip="198.51.100.1"))
    page = text(viewer.get(PAGE))
    assert "If this rule blocked now: 2 requests in the last hour would have been refused; it held back 4" in page
    assert "These clients matched most: 192.0.2.7 (4), 198.51.100.1 (2)" in page


def test_samples_of_several_front_doors_are_newest_first(enter, flood, valkey):
    at_ms = clock.now_ms()
    times = [at_ms - back for back in (3000, 1000, 4000, 2000)]
    samples = [json.dumps({"at_ms": at, "outcome": "counted", "path": f"/{at_ms - at:.0f}"}) for at in times]
    with redis.Redis.from_url(valkey) as client:
        client.rpush(Keys(django_settings.KEY_PREFIX, "flood").samples, *samples)
    found = rules_reading.samples("flood")
    assert [sample["path"] for sample in found] == ["/1000", "/2000", "/3000", "/4000"]


def test_nothing_matched_is_said_as_well(enter, flood):
    page = text(enter("viewer").get(PAGE))
    assert "nothing of the last hour would have been refused" in page
    assert "Nobody in the last 24 hours" in page


def test_the_page_shows_who_matched_most_against_the_limit(enter, flood, traffic):
    traffic(*searches(9))
    page = enter("viewer").get(PAGE)
    assert "192.0.2.7 9 of 3 ✕ 6 6" in re.sub(r"\s+", " ", part(page, r'<section id="top".*?</section>'))


def test_samples_are_shown_without_credentials(enter, flood, traffic):
    headers = {"authorization": "Bearer hunter2", "user-agent": "curl/8"}
    traffic(*[request("/search", query="q=x&token=hunter2", headers=headers) for _ in range(5)])
    page = enter("viewer").get(PAGE)
    shown = html.unescape(part(page, r'<section id="samples".*?</section>'))
    assert "GET /search ?q=x&token=(hidden)".replace(" ?", "?") in shown.replace(" ?", "?")
    assert "user-agent: curl/8" in shown
    assert "hunter2" not in page.content.decode()


def test_the_chart_covers_an_hour_a_day_or_a_month(enter, flood, traffic):
    traffic(*searches(8))
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    at = now - timedelta(hours=5)
    RuleCount.objects.create(span=Span.HOUR, at=at, rule="flood", outcome="blocked", count=77)
    day = now.replace(hour=0) - timedelta(days=9)
    RuleCount.objects.create(span=Span.DAY, at=day, rule="flood", outcome="counted", count=4321)
    viewer = enter("viewer")
    assert "At most 5 requests a minute" in text(viewer.get(PAGE))
    assert "At most 77 requests an hour" in text(viewer.get(f"{PAGE}?span=day"))
    assert "At most 4,321 requests a day" in text(viewer.get(f"{PAGE}?span=month"))


def test_htmx_gets_the_live_part_alone(enter, flood):
    page = enter("viewer").get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert page.lstrip().startswith('<div id="live"')


def test_an_unknown_rule_is_not_found(enter, valkey):
    admin = enter("admin")
    for path in ("", "change/", "delete/", "switch/block/"):
        assert admin.get(f"/rules/nobody/{path}").status_code == 404
    assert admin.post("/rules/nobody/arrange/", {"act": "up"}).status_code == 404


def test_who_may_only_view_sees_no_buttons_and_is_refused(enter, flood):
    for role in ("viewer", "operator"):
        client = enter(role)
        assert "Delete…" not in text(client.get(PAGE))
        assert "Change…" not in text(client.get("/rules/"))
        for path in (CHANGE, NEW, "/rules/flood/switch/block/", "/rules/flood/delete/"):
            assert client.get(path).status_code == 403
            assert client.post(path, {"reason": "x", "confirm": "on"}).status_code == 403
        assert client.post("/rules/flood/arrange/", {"act": "disable", "reason": "x"}).status_code == 403
    assert RequestRule.objects.get().enabled


# From count to block and back -----------------------------------------------------------------------------------------


def test_switching_to_block_shows_whom_it_meets_and_asks_why_and_whether_it_is_meant(enter, flood, traffic):
    traffic(*searches(9))
    admin = enter("admin", "ana")
    path = "/rules/flood/switch/block/"
    page = admin.get(path)
    assert "6 requests of 1 client in the last hour would have been refused" in text(page)
    assert "Blocks requests whose path starts with /search" in text(page)
    expected = value(page, "expected")
    assert "Say why" in text(admin.post(path, {"expected": expected, "confirm": "on", "reason": ""}))
    unconfirmed = admin.post(path, {"expected": expected, "reason": "scrapers"})
    assert "Confirm" in text(unconfirmed)
    assert value(unconfirmed, "reason") == "scrapers"
    assert RequestRule.objects.get().action == "count"
    done = admin.post(path, {"expected": expected, "reason": "scrapers", "confirm": "on"})
    assert done.headers["Location"] == PAGE
    assert RequestRule.objects.get().action == "block"
    assert AuditEntry.objects.filter(subject="rule:flood", by="ana", reason="scrapers").exists()
    after = admin.get(PAGE)
    assert "✕ blocks" in text(after)
    assert "/rules/flood/switch/count/" in after.content.decode()


def test_and_back_to_counting(enter, flood):
    rules.patch("flood", {"action": "block"}, by=SETUP)
    admin, path = enter("admin"), "/rules/flood/switch/count/"
    expected = value(admin.get(path), "expected")
    admin.post(path, {"expected": expected, "reason": "wrong people", "confirm": "on"})
    assert RequestRule.objects.get().action == "count"


def test_a_switch_that_somebody_forestalled_tells_what_changed(enter, flood):
    admin, path = enter("admin"), "/rules/flood/switch/block/"
    expected = value(admin.get(path), "expected")
    rules.patch("flood", {"stage": "main"}, by=SETUP, reason="everything")
    page = admin.post(path, {"expected": expected, "reason": "now", "confirm": "on"})
    assert page.status_code == 409
    assert "test changed it first, because “everything”" in text(page)
    assert RequestRule.objects.get().action == "count"


def test_there_is_no_switch_to_anything_else(enter, flood):
    assert enter("admin").get("/rules/flood/switch/allow/").status_code == 404


# The form -------------------------------------------------------------------------------------------------------------


def test_the_form_is_filled_with_what_is_saved(enter, flood):
    page = enter("admin").get(CHANGE)
    assert (value(page, "title"), value(page, "rate_limit")) == ("Too many searches", "3")
    assert re.search(r'<textarea name="cond-0-values"[^>]*>\s*/search</textarea>', page.content.decode())
    assert re.search(r'<option value="path" selected>', page.content.decode())


def test_a_preview_saves_nothing_and_says_what_changes(enter, flood, traffic):
    traffic(*searches(9))
    page = enter("admin").post(CHANGE, form(action="block"))
    words = text(page)
    assert page.status_code == 200
    assert "action count block" in words
    assert "6 requests of 1 client in the last hour would have been refused" in words
    assert RequestRule.objects.get().action == "count"


def test_other_conditions_are_tried_on_the_samples(enter, flood, traffic):
    traffic(*searches(5))
    page = text(enter("admin").post(CHANGE, form(**condition(0, 1, "path", "starts", "/other"))))
    assert "conditions path starts with /search path starts with /other" in page
    assert "newest sampled requests 0 fit the changed conditions" in page
    assert "counted anew" in page


def test_conditions_in_groups_become_a_statement(enter, flood):
    typed = {
        **condition(0, 1, "path", "starts", "/search\r\n/find"),
        **condition(1, 1, "header", "contains", "curl", name="User-Agent", ignore_case="on"),
        **condition(2, 2, "forwarded_ip", "starts", "192.0.2.0/24", negated="on"),
        **condition(3, 2, "query", "missing", "left over", name="q"),
        **condition(4, 2, "body_size", "is", "8192"),
        **condition(5, 3, "", "is"),
    }
    answer = enter("admin").post(CHANGE, form(act="save", reason="wider", **typed))
    assert answer.status_code == 302
    assert RequestRule.objects.get().statement == {
        "any": [
            {
                "all": [
                    {"path": {"starts": ["/search", "/find"]}},
                    {"header": {"name": "User-Agent", "contains": ["curl"], "ignore_case": True}},
                ]
            },
            {
                "all": [
                    {"not": {"forwarded_ip": ["192.0.2.0/24"]}},
                    {"query": {"name": "q", "present": False}},
                    {"size": {"of": "body", "over": 8192}},
                ]
            },
        ]
    }


def test_a_form_that_is_saved_unchanged_changes_nothing(enter, flood):
    whole = {**FLOOD, "statement": {"path": {"starts": "/search"}}, "answer": {"status": 404, "body": "No\n"}}
    rules.put("flood", whole, by=SETUP)
    before = document(RequestRule.objects.get())
    typed = form(answer_status="404", answer_body="No\r\n", act="save", reason="nothing")
    assert enter("admin").post(CHANGE, typed).status_code == 302
    assert document(RequestRule.objects.get()) == before


def test_rows_are_added_and_removed_without_a_script(enter, flood):
    admin = enter("admin")
    added = admin.post(CHANGE, form(title="Typed", act="add-1"))
    assert value(added, "title") == "Typed"
    assert value(added, "cond-1-group") == "1"
    assert 'name="cond-1-field"' in added.content.decode()
    assert 'role="alert"' not in added.content.decode()
    other = admin.post(CHANGE, form(act="add"))
    assert value(other, "cond-1-group") == "2"
    two = {**condition(0, 1, "path", "is", "/x"), **condition(1, 1, "method", "is", "PUT")}
    dropped = admin.post(CHANGE, form(act="drop-0", **two)).content.decode()
    assert 'name="cond-1-field"' not in dropped
    assert "PUT" in dropped
    assert document(RequestRule.objects.get())["statement"] == FLOOD["statement"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"rate_limit": "many"}, "Enter a whole number"),
        ({"rate_limit": "0"}, "greater than or equal to 1"),
        ({"counted_headers": "no colon:"}, "is not the name of a header"),
        ({"label": "two words"}, "letters, digits"),
        ({"answer_content_type": "html"}, "Write a media type"),
        (condition(0, 1, "path", "starts", "search"), "A path begins with a slash"),
        (condition(0, 1, "forwarded_ip", "is", "here"), "is not an address or network"),
        (condition(0, 1, "method", "is", "get"), "Methods are in capitals"),
        (condition(0, 1, "header", "is", "x"), "Name the header or parameter"),
        (condition(0, 1, "body_size", "over", "big"), "One whole number of bytes"),
        (condition(0, 1, "path", "starts", ""), "Say with what"),
    ],
    ids=[
        "rate",
        "rate-nought",
        "header-names",
        "label",
        "content-type",
        "path",
        "network",
        "method",
        "header-without-name",
        "size",
        "no-value",
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(enter, flood, typed, told):
    page = enter("admin").post(CHANGE, form(title="Typed title", act="save", reason="x", **typed))
    assert page.status_code == 400
    assert told in text(page)
    assert value(page, "title") == "Typed title"
    assert rules.find("flood").title == "Too many searches"


def test_a_fault_in_a_condition_stands_in_its_own_row(enter, flood):
    typed = {**condition(0, 1, "path", "starts", "/ok"), **condition(1, 2, "forwarded_ip", "is", "10.0.0.0/8\nnowhere")}
    page = enter("admin").post(CHANGE, form(**typed)).content.decode()
    assert re.search(r'id="id_cond-1-values_error"[^>]*>nowhere is not an address', page)
    assert "id_cond-0-values_error" not in page


def test_without_a_condition_nothing_is_blocked_by_mistake(enter, flood):
    typed = form(rate_limit="", action="block", act="save", reason="x", **condition(0, 1, "", "is"))
    page = enter("admin").post(CHANGE, typed)
    assert page.status_code == 400
    assert "without a condition it would block every one" in text(page)
    assert RequestRule.objects.get().action == "count"


@pytest.mark.parametrize("act", ["preview", "save"])
def test_the_second_of_two_admins_is_told_what_the_first_changed(enter, flood, act):
    late = form(title="Mine", act=act, reason="mine")
    rules.put("flood", {**FLOOD, "statement": {"method": ["POST"]}}, by=SETUP, reason="posts only")
    admin = enter("admin")
    page = admin.post(CHANGE, late)
    assert page.status_code == 409
    assert "test changed it first, because “posts only”" in text(page)
    assert "conditions path starts with /search method is POST" in text(page)
    assert value(page, "title") == "Mine"
    again = late | {"expected": value(page, "expected"), "act": "save", "reason": "mine after all"}
    assert admin.post(CHANGE, again).status_code == 302
    assert rules.find("flood").title == "Mine"


def test_a_statement_that_rows_cannot_say_is_shown_and_kept(enter, flood):
    rules.put("flood", {**FLOOD, "statement": NESTED}, by=SETUP)
    assert rows(NESTED) is None
    admin = enter("admin")
    page = admin.get(CHANGE)
    assert "(Path starts with /a or path starts with /b) and (method is POST or label odd is on)".lower() in (
        text(page).lower()
    )
    assert "&quot;any&quot;" in page.content.decode()
    assert 'name="cond-0-field"' not in page.content.decode()
    kept = {f"cond-0-{cell}": None for cell in ("group", "field", "operator", "values", "name")}
    typed = form(title="Another title", shape="tree", act="save", reason="title", **kept)
    assert admin.post(CHANGE, typed).status_code == 302
    rule = RequestRule.objects.get()
    assert (rule.title, rule.statement) == ("Another title", NESTED)
    replaced = admin.post(CHANGE, form(shape="tree", act="rows", **kept))
    assert value(replaced, "shape") == "rows"
    assert 'name="cond-0-field"' in replaced.content.decode()


def test_the_starting_points_open_a_form_that_is_filled_in(enter, valkey):
    admin = enter("admin")
    address, network = (admin.get(f"{NEW}?begin={begin}").content.decode() for begin in ("address", "network"))
    assert 'value="1000"' in address
    assert re.search(r'<option value="forwarded_ip" selected>', network)
    assert re.search(r'value="block"[^>]*checked', network)
    assert "1048576" in admin.get(f"{NEW}?begin=bodies").content.decode()
    assert re.search(r'value="challenge"[^>]*checked', admin.get(f"{NEW}?begin=path").content.decode())


def test_a_new_rule_is_made_after_its_preview(enter, valkey):
    admin = enter("admin")
    typed = form(slug="no-curl", expected="0", action="block", rate_limit="")
    typed["slug"] = "no-curl"
    page = text(admin.post(NEW, typed))
    assert "Make rule no-curl?" in page
    assert "It holds requests back at once" in page
    assert not RequestRule.objects.exists()
    answer = admin.post(NEW, typed | {"act": "save", "reason": "scrapers"})
    assert answer.headers["Location"] == "/rules/no-curl/"
    assert RequestRule.objects.get().action == "block"


def test_a_new_rule_cannot_take_the_name_of_another(enter, flood):
    page = enter("admin").post(NEW, form(expected="0", act="save", reason="oops") | {"slug": "flood"})
    assert page.status_code == 409
    assert "There is a rule flood already" in text(page)


def test_a_rule_is_deleted_with_a_reason_and_says_who_asks_for_its_label(enter, flood):
    rules.patch("flood", {"label": "busy"}, by=SETUP)
    rules.put("later", {"statement": {"not": {"label": "busy"}}}, by=SETUP)
    admin, path = enter("admin"), "/rules/flood/delete/"
    assert "Its label busy, for which later asks, is no longer put on." in text(admin.get(path))
    assert admin.post(path, {"reason": ""}).status_code == 409
    assert admin.post(path, {"reason": "no longer needed"}).headers["Location"] == "/rules/"
    assert not RequestRule.objects.filter(slug="flood").exists()


def test_after_an_expired_login_the_form_is_as_it_was_filled_in_but_for_secrets(enter, flood, client):
    origin = {"Referer": f"http://testserver{CHANGE}", "Accept": "text/html"}
    typed = form(title="Kept", **condition(0, 1, "path", "starts", "/kept"), **trial(headers="Authorization: hunter2"))
    sent = client.post(CHANGE, typed, headers=origin)
    assert sent.headers["Location"].startswith("/login/")
    enter("admin")
    login = client.post(sent.headers["Location"], {"username": "admin", "password": "correct horse battery"})
    page = client.get(login.headers["Location"])
    assert value(page, "title") == "Kept"
    assert "/kept" in page.content.decode()
    assert "hunter2" not in page.content.decode()


# The tester -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def several(flood):
    office = {"priority": 1, "action": "allow", "statement": {"ip": ["10.0.0.0/8"]}, "label": "office"}
    rules.put("office", office, by=SETUP)
    rules.put("nobody", {"priority": 200, "action": "block", "statement": {"label": "busy"}}, by=SETUP)
    rules.put("asleep", {"priority": 300, "enabled": False}, by=SETUP)


def test_the_tester_says_rule_by_rule_what_happens_and_how_it_ends(enter, several):
    viewer = enter("viewer")
    few = text(viewer.post(TEST, trial(path="/search?q=1", seen="1")))
    assert "Too many searches priority 100 : fits, but is request 2 of 3 allowed" in few
    assert "In the end it passes: no rule holds it back." in few
    rules.patch("flood", {"label": "busy"}, by=SETUP)
    many = text(viewer.post(TEST, trial(path="/search?q=1", seen="3")))
    assert many.index("office priority 1 : does not fit") < many.index("Too many searches priority 100 : acts: counted")
    assert "label busy is put on" in many
    assert "In the end it is refused by nobody with status 403" in many
    assert "asleep priority 300 : switched off" in many
    office = text(viewer.post(TEST, trial(path="/search", ip="10.1.2.3", seen="9")))
    assert "In the end office lets it through" in office
    assert "Too many searches priority 100 : not asked any more" in office


def test_a_whole_request_can_be_pasted(enter, flood):
    rules.put("posts", {"action": "block", "statement": {"size": {"of": "body", "over": 3}}, "priority": 1}, by=SETUP)
    rules.put("curl", {"statement": {"header": {"name": "User-Agent", "contains": "curl"}}, "priority": 2}, by=SETUP)
    pasted = "POST /search?q=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8\r\n\r\nbody"
    page = text(enter("viewer").post(TEST, trial(headers=pasted)))
    assert "posts priority 1 : acts: blocked" in page
    assert "curl priority 2 : not asked any more" in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ip": "here"}, "not an IP address"),
        ({"path": "x"}, "begins with a slash"),
        ({"headers": "what"}, "Name: value"),
    ],
    ids=["address", "path", "headers"],
)
def test_the_tester_says_what_is_no_request(enter, flood, fields, told):
    page = enter("viewer").post(TEST, trial(**fields))
    assert page.status_code == 400
    assert told in text(page)


def test_the_draft_in_the_form_can_be_tried_before_it_is_saved(enter, several):
    typed = form(action="block", rate_limit="", act="try", **condition(0, 1, "path", "starts", "/draft"))
    page = text(enter("admin").post(CHANGE, typed | trial(path="/draft/1")))
    assert "Too many searches (this form) priority 100 : acts: blocked" in page
    assert "In the end it is refused by Too many searches with status 403" in page
    assert RequestRule.objects.get(slug="flood").action == "count"


def test_a_forwarded_address_is_believed_only_from_trusted_proxies(enter, flood):
    stages.put("main", {"trusted_proxies": ["10.0.0.0/8"]}, by=SETUP)
    viewer, headers = enter("viewer"), "X-Forwarded-For: 198.51.100.7"
    assert "Its client is 192.0.2.7" in text(viewer.post(TEST, trial(headers=headers)))
    assert "Its client is 198.51.100.7" in text(viewer.post(TEST, trial(headers=headers, ip="10.0.0.1")))
