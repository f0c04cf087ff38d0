"""Pages of throttles: which limit is effective for what, and changes that are seen before they are saved."""

import csv
import io

import pytest

from breakers.models import Throttle
from breakers.operations import throttles
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision

from .conftest import SETUP
from .test_board_page import text
from .test_plans_page import field

PAGE = "/throttles/posts/"
NEW = "/throttles/-/new/"


@pytest.fixture
def posts(market):
    throttles.put("posts", {"title": "All posts", "scope": "method", "method": "POST", "rate": 50}, by=SETUP)


def form(**over):
    fields = {
        "title": "All posts",
        "scope": "method",
        "stage": "",
        "route": "",
        "method": "POST",
        "rate": "50",
        "burst": "",
        "on_store_error": "local",
        "act": "preview",
    }
    return {**fields, "expected": str(current_revision("throttle", "posts")), **over}


def test_an_empty_list_says_that_only_plans_and_stages_limit(enter, valkey):
    assert "No throttle yet" in text(enter("viewer").get("/throttles/"))


def test_the_list_says_in_one_sentence_what_each_does_the_widest_first(enter, posts):
    throttles.put("all", {"scope": "account", "rate": 1000}, by=SETUP)
    page = text(enter("viewer").get("/throttles/"))
    assert "50 requests/s, bursts of 50 for POST of every route together" in page
    assert page.index("for everything that enters the front door together") < page.index("for POST of every route")


@pytest.mark.parametrize(("query", "shown"), [("q=post", True), ("q=articles", False)])
def test_the_list_can_be_searched_and_exported(enter, posts, query, shown):
    viewer = enter("viewer")
    assert ('id="throttle-posts"' in viewer.get(f"/throttles/?{query}").content.decode()) is shown
    rows = list(csv.DictReader(io.StringIO(viewer.get(f"/throttles/-/export.csv?{query}").content.decode())))
    assert [row["slug"] for row in rows] == (["posts"] if shown else [])


def test_the_resolver_says_which_limit_is_effective_winning_first_and_why(enter, posts):
    throttles.put("articles", {"scope": "route", "route": "articles", "rate": 300}, by=SETUP)
    page = text(enter("viewer").get("/throttles/?stage=main&route=articles&method=POST&plan=gold"))
    override = page.index("override POST articles of plan Gold: 5/s, burst 10 - replaces the plan's 100/s")
    throttle = page.index("throttle All posts: 50/s, burst 50 - replaces the 300/s of throttle articles")
    assert (
        override < throttle < page.index("replaced by override POST articles") < page.index("replaced by throttle All")
    )


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("stage=partners&route=articles&method=GET", "cannot be reached through stage partners"),
        ("stage=main&route=checkout&method=GET", "a GET finds nothing here"),
        ("stage=main&route=search&method=GET&plan=gold", "needs no key, so the plan is not metered here"),
    ],
    ids=["stage", "method", "keyless"],
)
def test_the_resolver_says_when_such_a_request_finds_nothing(enter, posts, query, note):
    assert note in text(enter("viewer").get(f"/throttles/?{query}"))


def test_where_nothing_limits_the_resolver_says_so(enter, market):
    assert "No limit applies" in text(enter("viewer").get("/throttles/?stage=main&route=search&method=GET"))


def test_a_viewer_reads_the_settings_and_is_refused_a_change(enter, posts):
    viewer = enter("viewer")
    page = viewer.get(PAGE)
    assert "50 requests/s, bursts of 50 for POST of every route together" in text(page)
    assert "Preview the change" not in text(page)
    assert viewer.post(PAGE, form(act="save", reason="x", rate="1")).status_code == 403
    assert viewer.get(NEW).status_code == 403
    assert Throttle.objects.get().rate == 50


def test_a_preview_tells_effective_limits_before_and_after(enter, posts):
    page = text(enter("admin").post(PAGE, form(rate="20", burst="30")))
    assert "rate (requests/s) 50 20" in page
    assert "throttle All posts: 50/s, burst 50" in page
    assert "throttle All posts: 20/s, burst 30" in page
    assert "1 working key of 1 consumer" in page
    assert Throttle.objects.get().rate == 50


def test_a_confirmed_change_is_saved_and_audited(enter, posts):
    answer = enter("admin", "ana").post(PAGE, form(rate="20", act="save", reason="calm down"))
    assert answer.headers["Location"] == PAGE
    assert Throttle.objects.get().rate == 20
    assert AuditEntry.objects.filter(subject="throttle:posts", by="ana", reason="calm down").exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"method": ""}, "A throttle of a method names its method"),
        ({"scope": "account"}, "Scope account takes no method"),
        ({"scope": "route", "method": ""}, "A throttle of a route names its route"),
        ({"rate": ""}, "This field is required"),
    ],
    ids=["no-method", "account-with-method", "no-route", "no-rate"],
)
def test_what_is_wrong_is_told_at_its_field(enter, posts, typed, told):
    page = enter("admin").post(PAGE, form(title="Posts", **typed))
    assert page.status_code == 400
    assert told in text(page)
    assert field(page, "title") == "Posts"


def test_a_new_throttle_begins_with_the_place_it_was_asked_for(enter, market):
    admin = enter("admin")
    page = admin.get(f"{NEW}?scope=route&route=articles")
    assert '<option value="articles" selected>' in page.content.decode()
    made = form(slug="fresh", scope="route", route="articles", method="", expected="0", act="save", reason="protect")
    assert admin.post(NEW, made).headers["Location"] == "/throttles/fresh/"


def test_the_second_of_two_admins_is_told(enter, posts):
    late = form(rate="20", act="save", reason="calm down")
    throttles.put("posts", {"scope": "method", "method": "POST", "rate": 70}, by=SETUP, reason="more")
    page = enter("admin").post(PAGE, late)
    assert page.status_code == 409
    assert "test changed it first, because “more”" in text(page)
    assert Throttle.objects.get().rate == 70


def test_it_is_deleted_with_a_reason(enter, posts):
    admin = enter("admin")
    assert "Nothing refers to it" in text(admin.get(f"{PAGE}delete/"))
    assert admin.post(f"{PAGE}delete/", {"reason": "not needed"}).headers["Location"] == "/throttles/"
    assert not Throttle.objects.exists()
