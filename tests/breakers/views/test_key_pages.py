"""Pages of consumers and keys: from nothing to a key that is shown once, and what an admin may do to it."""

import re

import pytest

from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.operations import consumers, keys, plans
from controlplane.audit.models import AuditEntry

from .conftest import SETUP
from .test_board_page import text

NEW = "/keys/-/new/"
IMPORT = "/keys/-/import/"
FILE = "Name,Key,UsagePlanIds\nShop,apikey1234abcdefghij0123456789,c7y23b\n"
NOTE = "Keys identify; they do not authenticate"

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture
def acme(db):
    consumers.put("acme", {"title": "Acme", "tags": ["partner"]}, by=SETUP)
    plans.put("gold", {"title": "Gold", "rate": 10, "quota": {"limit": 1000}}, by=SETUP)
    return keys.create("acme", {"plans": ["gold"], "title": "Website"}, by=SETUP)


def blank(page):
    """The form as a browser would send it untouched."""
    return {"key_id": re.search(r'name="key_id" value="(k[0-9a-f]{16})"', page.content.decode())[1], "life": ""}


def shown(page):
    return re.search(r'<code id="secret"[^>]*>([^<]+)</code>', page.content.decode())[1]


def test_from_nothing_to_a_key_takes_one_form(enter):
    admin = enter("admin")
    assert "No consumer yet" in text(admin.get("/consumers/"))
    sent = blank(admin.get(NEW)) | {
        "name": "Acme Shop",
        "plan": "+",
        "plan_name": "First plan",
        "rate": "10",
        "burst": "20",
    }
    made = admin.post(NEW, sent | {"quota": "1000", "period": "DAY"})
    assert made.status_code == 200
    assert "no-store" in made.headers["Cache-Control"]
    assert NOTE in text(made)
    key = ApiKey.objects.get()
    assert keys.api_keys.digest(shown(made)) == key.hash
    assert (key.consumer.slug, [plan.slug for plan in key.plans.all()]) == ("acme-shop", ["first-plan"])
    plan = UsagePlan.objects.get(slug="first-plan")
    assert (plan.rate, plan.burst, plan.quota_limit, plan.quota_period) == (10, 20, 1000, "DAY")
    again = admin.post(NEW, sent)
    assert again.headers["Location"] == f"/keys/{key.pk}/"
    assert "was made already" in text(admin.get(again.headers["Location"]))
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"name": ""}, "Name the consumer"),
        ({"plan": ""}, "Choose a plan, or make one here"),
        ({"plan": "+", "plan_name": ""}, "Name the plan"),
        ({"plan": "+", "plan_name": "Gold"}, "There is a plan gold already"),
        ({"name": "Acme"}, "There is a consumer acme already"),
        ({"name": "!!!"}, "Use letters or digits"),
        ({"secret": "short"}, "20 to 128 characters"),
        ({"plan": "+", "plan_name": "X", "rate": "-1"}, "greater than or equal to"),
    ],
    ids=str,
)
def test_a_form_that_cannot_be_done_comes_back_as_it_was_and_makes_nothing(enter, acme, sent, words):
    admin = enter("admin")
    given = blank(admin.get(NEW)) | {"name": "New one", "contact": "kept@example.org", "plan": "gold"} | sent
    refused = admin.post(NEW, given)
    assert refused.status_code in (400, 409)
    assert words in text(refused)
    assert "kept@example.org" in refused.content.decode()
    assert (ApiKey.objects.count(), Consumer.objects.count(), UsagePlan.objects.count()) == (1, 1, 1)


def test_the_key_is_on_no_other_page(enter, acme):
    row, secret = acme
    admin = enter("admin")
    for address in ("/keys/", f"/keys/{row.id}/", "/consumers/", "/consumers/acme/", "/keys/-/export.csv", "/audit/"):
        page = admin.get(address)
        assert page.status_code == 200
        assert secret not in page.content.decode()
    for address in ("/keys/", f"/keys/{row.id}/", "/consumers/", "/consumers/acme/", NEW, IMPORT):
        assert NOTE in text(admin.get(address))


def test_a_key_is_rotated_and_its_successor_shown_once(enter, acme):
    row, secret = acme
    admin = enter("admin")
    assert admin.post(f"/keys/{row.id}/rotate/", {"grace": "3600", "reason": ""}).status_code == 400
    made = admin.post(f"/keys/{row.id}/rotate/", {"grace": "3600", "reason": "yearly"})
    assert shown(made) != secret
    page = text(admin.get(f"/keys/{row.id}/"))
    assert "rotated, still works" in page
    assert "Rotate…" not in page
    again = admin.post(f"/keys/{row.id}/rotate/", {"grace": "3600", "reason": "kept words"})
    assert again.status_code == 409
    assert "its successor is" in text(again)
    assert "kept words" in again.content.decode()


def test_a_revocation_asks_for_a_reason_and_a_confirmation(enter, acme):
    row, _ = acme
    admin = enter("admin", "ana")
    for sent in ({"reason": "leaked"}, {"confirm": "on"}):
        assert admin.post(f"/keys/{row.id}/revoke/", sent).status_code == 400
    admin.post(f"/keys/{row.id}/revoke/", {"reason": "leaked", "confirm": "on"})
    assert AuditEntry.objects.filter(action="key.revoke", subject=f"key:{row.id}", by="ana", reason="leaked").exists()
    page = text(admin.get(f"/keys/{row.id}/"))
    assert "Revoked because “leaked”" in page
    assert admin.post(f"/keys/{row.id}/delete/", {"reason": "tidy", "confirm": "on"}).status_code == 302
    assert not ApiKey.objects.exists()


def test_title_plans_and_expiry_are_changed_on_the_keys_page(enter, acme):
    row, _ = acme
    admin = enter("admin")
    sent = {"title": "Shop", "tags": "web, eu", "plans": ["gold"], "expires_at": "2099-01-01T10:00"}
    assert admin.post(f"/keys/{row.id}/change/", sent).status_code == 302
    changed = keys.noted(keys.find(row.id))
    assert {"title": "Shop", "tags": ["web", "eu"], "expires_at": "2099-01-01T10:00:00.000Z"}.items() <= changed.items()
    past = admin.post(f"/keys/{row.id}/change/", sent | {"expires_at": "2020-01-01T10:00"})
    assert past.status_code == 400
    assert "revoke it" in text(past)


def test_a_quota_is_extended_and_reset_with_a_reason(enter, acme):
    row, _ = acme
    admin = enter("admin")
    assert admin.post(f"/keys/{row.id}/usage/extend/", {"amount": "500"}).status_code == 400
    assert admin.post(f"/keys/{row.id}/usage/extend/", {"amount": "500", "reason": "campaign"}).status_code == 302
    assert "0 of 1,500 used" in text(admin.get(f"/keys/{row.id}/")).replace("\xa0", " ")
    assert admin.post(f"/keys/{row.id}/usage/reset/", {"reason": "their bug"}).status_code == 302
    assert AuditEntry.objects.filter(action__in=["usage.extend", "usage.reset"]).count() == 2


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_others_look_and_do_not_touch(enter, acme, role):
    row, _ = acme
    other = enter(role)
    page = other.get(f"/keys/{row.id}/")
    assert "Revoke now" not in text(page)
    assert "New consumer and key" not in text(other.get("/consumers/"))
    for address in (NEW, IMPORT, "/consumers/acme/delete/"):
        assert other.get(address).status_code == 403
    for act in ("rotate", "revoke", "delete", "change", "usage/reset", "usage/extend", "try"):
        assert other.post(f"/keys/{row.id}/{act}/", {"reason": "x", "confirm": "on"}).status_code == 403


def test_after_an_expired_login_the_form_is_kept_and_a_key_is_not(enter, acme, client):
    given = "apikey1234abcdefghij0123456789"
    origin = {"Referer": "http://testserver" + NEW, "Accept": "text/html"}
    sent = client.post(NEW, {"name": "Kept name", "secret": given}, headers=origin)
    enter("admin")
    login = client.post(sent.headers["Location"], {"username": "admin", "password": "correct horse battery"})
    page = client.get(login.headers["Location"])
    assert "Kept name" in page.content.decode()
    assert given not in page.content.decode()


def test_an_import_is_run_dry_mended_and_done(enter, acme):
    admin = enter("admin")
    dry = admin.post(IMPORT, {"secrets_csv": FILE, "act": "dry"})
    assert "There is no usage plan 'c7y23b'" in text(dry)
    assert "Import 1 key" not in text(dry)
    mended = {"secrets_csv": FILE, "plan-for:c7y23b": "gold"}
    fine = admin.post(IMPORT, mended | {"act": "dry"})
    assert "all is well" in text(fine)
    assert "Import 1 key" in text(fine)
    assert admin.post(IMPORT, mended | {"act": "import"}).status_code == 400
    assert ApiKey.objects.count() == 1
    assert admin.post(IMPORT, mended | {"act": "import", "reason": "move"}).headers["Location"] == "/keys/"
    assert ApiKey.objects.get(consumer__slug="shop").plans.get().slug == "gold"


def test_a_file_that_is_no_text_is_refused_with_a_remedy(enter, acme, tmp_path):
    path = tmp_path / "keys.csv"
    path.write_bytes("Name,Key\n".encode("utf-16"))
    with path.open("rb") as file:
        refused = enter("admin").post(IMPORT, {"secrets_file": file, "act": "dry"})
    assert refused.status_code == 400
    assert "CSV UTF-8" in text(refused)


def test_lists_are_searched_and_exported_without_formulas(enter, acme):
    keys.create("acme", {"title": "=HYPERLINK(1)", "plans": []}, by=SETUP)
    consumers.put("silent", {"title": "@silent"}, by=SETUP)
    viewer = enter("viewer")
    listed = text(viewer.get("/keys/?q=webs"))
    assert "Website" in listed
    assert "HYPERLINK" not in listed
    assert "Silent" not in text(viewer.get("/consumers/?plan=gold"))
    assert "acme" not in text(viewer.get("/consumers/?keys=none"))
    exported = viewer.get("/keys/-/export.csv").content.decode()
    assert ",'=HYPERLINK(1)," in exported
    assert ",'@silent," in viewer.get("/consumers/-/export.csv").content.decode()
    assert re.search(r"^acme,gold,MONTH,.*,1000,0,0,1000,", viewer.get("/consumers/-/usage.csv").content.decode(), re.M)


def test_a_consumer_is_changed_and_deleted_once_it_has_no_key(enter, acme):
    row, _ = acme
    admin = enter("admin")
    admin.post("/consumers/acme/change/", {"title": "Acme Inc", "contact": "dev@acme.example", "tags": "partner"})
    assert consumers.find("acme").title == "Acme Inc"
    assert row.prefix in text(admin.get("/consumers/acme/delete/"))
    assert admin.post("/consumers/acme/delete/", {"reason": "over", "confirm": "on"}).status_code == 409
    keys.revoke(row.id, by=SETUP, reason="over")
    keys.delete(row.id, by=SETUP, reason="over")
    assert admin.post("/consumers/acme/delete/", {"reason": "over", "confirm": "on"}).status_code == 302
    assert not Consumer.objects.exists()


def test_a_try_goes_to_the_own_front_door_only_and_with_the_key_that_is_shown(enter, acme, downstream, settings):
    row, secret = acme
    settings.PUBLIC_FRONTDOOR_URL = downstream.url
    admin = enter("admin")
    for path in ("http://elsewhere.example/", "/a b", "@elsewhere.example/", "/a\r\nX: y"):
        refused = admin.post(f"/keys/{row.id}/try/", {"secret": secret, "path": path})
        assert "Begin with /" in text(refused)
        assert shown(refused) == secret
    assert downstream.requests == []
    tried = admin.post(f"/keys/{row.id}/try/", {"secret": secret, "path": "/hello?x=1"})
    (sent,) = downstream.requests
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert (sent.method, sent.target, headers["x-api-key"]) == ("GET", "/hello?x=1", secret)
    assert "✓ 200" in text(tried)
    assert shown(tried) == secret
    stale = admin.post(f"/keys/{row.id}/try/", {"secret": "something else", "path": "/"})
    assert stale.headers["Location"] == f"/keys/{row.id}/"
