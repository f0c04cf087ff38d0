"""Pages of stages: what enters where, and changes that are seen before they are saved."""

import pytest

from breakers.models import Stage
from breakers.operations import stages
from controlplane.audit.models import AuditEntry
from controlplane.config.commit import current_revision

from .conftest import SETUP
from .test_board_page import text
from .test_plans_page import field

PAGE = "/stages/partners/"


def form(**over):
    fields = {
        "title": "Partners",
        "hosts": "partners.example.com",
        "base_path": "/",
        "rate": "",
        "burst": "",
        "on_store_error": "local",
        "allowed_origins": "",
        "trusted_proxies": "",
        "max_body_bytes": "",
        "max_header_bytes": "",
        "cache_ttl_s": "0",
        "cache_vary_headers": "",
        "cache_vary_query": "",
        "act": "preview",
    }
    return {**fields, "expected": str(current_revision("stage", "partners")), **over}


def test_main_is_there_from_the_start(enter, market):
    page = text(enter("viewer").get("/stages/"))
    assert "Takes requests to any host; unlimited as a whole." in page


def test_the_list_counts_routes_and_plans(enter, market):
    page = enter("viewer").get("/stages/").content.decode()
    row = page[page.index('id="stage-main"') :]
    assert 'data-label="Routes">3<' in row
    assert 'data-label="Plans">1<' in row


@pytest.mark.parametrize(("query", "shown"), [("q=partn", True), ("q=nowhere", False)])
def test_the_list_can_be_searched_and_exported(enter, market, query, shown):
    viewer = enter("viewer")
    assert ('id="stage-partners"' in viewer.get(f"/stages/?{query}").content.decode()) is shown
    assert ("/partners" in viewer.get(f"/stages/-/export.csv?{query}").content.decode()) is shown


def test_a_viewer_reads_the_settings_and_is_refused_a_change(enter, market):
    viewer = enter("viewer")
    assert "Takes requests to any host below /partners;" in text(viewer.get(PAGE))
    assert viewer.post(PAGE, form(act="save", reason="x")).status_code == 403
    assert viewer.get("/stages/-/new/").status_code == 403


def test_a_change_is_previewed_then_saved_with_every_field(enter, market):
    admin = enter("admin", "ana")
    typed = form(rate="40", allowed_origins="https://shop.example.com", max_body_bytes="65536", cache_ttl_s="30")
    page = text(admin.post(PAGE, typed))
    assert "hosts – partners.example.com" in page
    assert "base path /partners /" in page
    assert "cache: ttl (s) 0 30" in page
    assert "max body (bytes) – 65,536" in page
    assert Stage.objects.get(slug="partners").hosts == []
    assert admin.post(PAGE, typed | {"act": "save", "reason": "own name"}).headers["Location"] == PAGE
    saved = Stage.objects.get(slug="partners")
    assert (saved.hosts, saved.rate, saved.cache_ttl_s) == (["partners.example.com"], 40, 30)
    assert (saved.max_body_bytes, saved.allowed_origins) == (65536, ["https://shop.example.com"])
    assert AuditEntry.objects.filter(subject="stage:partners", by="ana", reason="own name").exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"hosts": "https://x.example.com"}, "Write a host name alone"),
        ({"base_path": "v1"}, "Begin with /"),
        ({"hosts": "", "base_path": "/"}, "Stage main takes the requests"),
        ({"burst": "5"}, "A burst alone limits nothing"),
        ({"trusted_proxies": "10.0.0.0/99"}, "10.0.0.0/99"),
    ],
    ids=["scheme", "no-slash", "same-as-main", "burst-alone", "network"],
)
def test_what_is_wrong_is_told_at_its_field(enter, market, typed, told):
    page = enter("admin").post(PAGE, form(title="Partners of ours", **typed))
    assert page.status_code == 400
    assert told in text(page)
    assert field(page, "title") == "Partners of ours"


def test_a_new_stage_is_made(enter, market):
    made = form(slug="beta", hosts="beta.example.com", expected="0", act="save", reason="for testers")
    assert enter("admin").post("/stages/-/new/", made).headers["Location"] == "/stages/beta/"


def test_a_stage_in_use_says_by_what_instead_of_being_deleted(enter, market):
    admin = enter("admin")
    page = text(admin.get("/stages/main/delete/"))
    assert "It cannot be deleted while these refer to it" in page
    assert "route articles" in page
    assert admin.post("/stages/main/delete/", {"reason": "x"}).status_code == 409
    assert admin.post(f"{PAGE}delete/", {"reason": "over"}).headers["Location"] == "/stages/"


def test_the_second_of_two_admins_is_told(enter, market):
    late = form(act="save", reason="mine")
    stages.put("partners", {"base_path": "/other"}, by=SETUP, reason="renamed")
    page = enter("admin").post(PAGE, late)
    assert page.status_code == 409
    assert "test changed it first, because “renamed”" in text(page)
    assert "base path /partners /other" in text(page)
