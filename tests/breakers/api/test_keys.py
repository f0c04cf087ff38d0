"""/api/v1/consumers and /api/v1/keys: a key is in one answer, and never again."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from breakers.operations import plans
from controlplane.kernel.access import Principal

ACME = {"title": "Acme", "contact": "dev@acme.example", "tags": ["partner"]}
GIVEN = "apikey1234abcdefghij0123456789"

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture(autouse=True)
def gold(admin_api: APIClient) -> None:
    plans.put("gold", {"rate": 10}, by=Principal.system("test"))
    admin_api.put("/api/v1/consumers/acme", ACME)


def make(api: APIClient, **data: object) -> dict[str, str]:
    made = api.post("/api/v1/consumers/acme/keys", {"plans": ["gold"], **data})
    assert made.status_code == 201, made.content
    return made.json()


def test_what_get_gives_of_a_consumer_can_be_put_back(admin_api: APIClient) -> None:
    got = admin_api.get("/api/v1/consumers/acme")
    assert got.json() == {"slug": "acme", **ACME}
    again = admin_api.put("/api/v1/consumers/acme", got.json(), headers={"If-Match": got["ETag"]})
    assert (again.status_code, again.json()) == (200, got.json())
    make(admin_api)
    refused = admin_api.delete("/api/v1/consumers/acme")
    assert (refused.status_code, refused.json()["used_by"][0]["kind"]) == (409, "key")


def test_a_key_is_in_the_answer_that_makes_it_and_in_no_other(admin_api: APIClient) -> None:
    made = admin_api.post("/api/v1/consumers/acme/keys", {"plans": ["gold"], "title": "Web", "expires_at": None})
    body = made.json()
    assert made.status_code == 201
    assert {"id", "prefix", "key"} <= body.keys()
    assert body["key"].startswith(body["prefix"])
    assert made["Cache-Control"] == "no-store"
    assert made["Location"] == f"/api/v1/keys/{body['id']}"
    secret = body.pop("key")
    for address in (made["Location"], "/api/v1/keys", "/api/v1/consumers/acme/keys"):
        answer = admin_api.get(address)
        assert secret not in answer.content.decode()
        assert answer.json() in (body, [body])


def test_a_key_is_changed_on_the_revision_that_was_seen(admin_api: APIClient) -> None:
    key = make(admin_api)
    url = f"/api/v1/keys/{key['id']}"
    seen = admin_api.get(url)["ETag"]
    changed = admin_api.patch(url, {"title": "Shop"}, headers={"If-Match": seen})
    assert (changed.status_code, changed.json()["title"]) == (200, "Shop")
    assert admin_api.patch(url, {"title": "Late"}, headers={"If-Match": seen}).status_code == 412
    assert admin_api.patch(url, {"consumer": "other"}).json()["problems"][0]["code"] == "unknown_field"
    assert admin_api.patch("/api/v1/keys/k0", {"title": "x"}).status_code == 404


def test_a_rotation_gives_the_successor_and_the_second_one_is_told(admin_api: APIClient) -> None:
    key = make(admin_api)
    url = f"/api/v1/keys/{key['id']}/rotate"
    rotated = admin_api.post(url, {"grace_s": 3600, "reason": "yearly"})
    assert rotated.status_code == 201
    assert rotated.json()["key"] != key["key"]
    assert rotated.json()["predecessor"] == key["id"]
    again = admin_api.post(url, {"grace_s": 3600, "reason": "yearly"})
    assert (again.status_code, again.json()["successor"]) == (409, rotated.json()["id"])
    assert admin_api.post(url, {"grace_s": -1}).json()["problems"][0]["path"] == "grace_s"
    assert admin_api.get(f"/api/v1/keys/{key['id']}").json()["state"] == "grace"


def test_a_successor_can_have_an_expiry_of_its_own(admin_api: APIClient) -> None:
    key = make(admin_api, expires_at="2098-01-01T00:00:00Z")
    url = f"/api/v1/keys/{key['id']}/rotate"
    assert (
        admin_api.post(url, {"expires_at": "2099-01-01T00:00:00Z"}).json()["expires_at"] == "2099-01-01T00:00:00.000Z"
    )


def test_a_revocation_is_immediate_and_can_be_repeated(admin_api: APIClient) -> None:
    url = f"/api/v1/keys/{make(admin_api)['id']}"
    assert admin_api.post(f"{url}/revoke", {}).json()["problems"][0]["path"] == "reason"
    revoked = admin_api.post(f"{url}/revoke", {"reason": "leaked"})
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert admin_api.post(f"{url}/revoke", {"reason": "again"}).json() == revoked.json()
    assert admin_api.post(f"{url}/rotate", {"grace_s": 5}).status_code == 409
    assert admin_api.delete(url, {"reason": "tidy"}).status_code == 204
    assert admin_api.get(url).status_code == 404


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["three", "two", "one"]),
        ("?limit=1&offset=1", ["two"]),
        ("?q=TWO", ["two"]),
        ("?q=partner-x", ["one"]),
        ("?tag=partner-x", ["one"]),
        ("?plan=gold", ["two", "one"]),
        ("?consumer=acme&plan=gold&q=one", ["one"]),
        ("?consumer=nobody", []),
        ("?state=revoked", ["three"]),
        ("?state=works", ["two", "one"]),
    ],
)
def test_keys_are_found(admin_api: APIClient, asked: str, found: list[str]) -> None:
    make(admin_api, title="one", tags=["partner-x"])
    make(admin_api, title="two")
    three = make(admin_api, title="three", plans=[])
    admin_api.post(f"/api/v1/keys/{three['id']}/revoke", {"reason": "x"})
    answer = admin_api.get(f"/api/v1/keys{asked}")
    assert [key["title"] for key in answer.json()] == found


def test_a_key_that_turned_up_somewhere_finds_itself(admin_api: APIClient) -> None:
    make(admin_api)
    lost = make(admin_api, title="lost")
    assert [key["title"] for key in admin_api.get("/api/v1/keys", {"q": lost["key"]}).json()] == ["lost"]


@pytest.mark.parametrize("asked", ["limit=0", "limit=x", "offset=-1", "state=fine"])
def test_a_search_that_means_nothing_is_refused(admin_api: APIClient, asked: str) -> None:
    refused = admin_api.get(f"/api/v1/keys?{asked}")
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, asked.partition("=")[0])


def test_an_import_is_dry_unless_told_and_names_lines(admin_api: APIClient) -> None:
    text = f"Name,Key,UsagePlanIds\nShop,{GIVEN},c7y23b\n"
    dry = admin_api.post("/api/v1/keys/import", {"csv": text})
    assert (dry.status_code, dry.json()["problems"][0]["line"], dry.json()["dry_run"]) == (200, 2, True)
    body = {"csv": text, "dry_run": False, "reason": "move"}
    refused = admin_api.post("/api/v1/keys/import", body)
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, "csv.line[2].UsagePlanIds")
    made = admin_api.post("/api/v1/keys/import", {**body, "plans": {"c7y23b": "gold"}})
    assert (made.status_code, len(made.json()["ids"])) == (201, 1)


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_keys_are_made_rotated_and_revoked_by_admins_and_seen_by_all(
    admin_api: APIClient, client_of: Callable[[str], APIClient], role: str
) -> None:
    key = make(admin_api)
    other = client_of(role)
    url = f"/api/v1/keys/{key['id']}"
    assert other.get(url).status_code == 200
    assert other.post("/api/v1/consumers/acme/keys", {}).status_code == 403
    assert other.post(f"{url}/rotate", {"reason": "x"}).status_code == 403
    assert other.post(f"{url}/revoke", {"reason": "x"}).status_code == 403
    assert other.patch(url, {"title": "x"}).status_code == 403
    assert other.post("/api/v1/keys/import", {"csv": "x"}).status_code == 403
