"""The REST shape of a configurable noun."""

from typing import Any

import pytest
from django.test import Client

from controlplane.audit.models import AuditEntry

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("groups_compiled", "no_valkey"),
    pytest.mark.urls("tests.controlplane.groups"),
]
SHIFT = "/api/v1/groups/night-shift"


@pytest.fixture
def api(logged_in: Any) -> Client:
    return logged_in("admin")


def put(api: Client, body: Any, url: str = SHIFT, **headers: str) -> Any:
    return api.put(url, body, content_type="application/json", headers=headers)


def test_put_creates_then_answers_200_with_the_whole_noun(api: Client) -> None:
    created = put(api, {"permissions": ["view"]})
    assert (created.status_code, created.json()) == (201, {"slug": "night-shift", "permissions": ["view"]})
    again = put(api, created.json())
    assert (again.status_code, again.json()) == (200, created.json())
    assert created["ETag"] == again["ETag"] == '"1"'


def test_the_list_is_a_plain_array(api: Client) -> None:
    put(api, {"permissions": []})
    listed = api.get("/api/v1/groups").json()
    assert [group["slug"] for group in listed] == ["admin", "night-shift", "operator", "service", "viewer"]


def test_unknown_fields_are_refused_each_with_its_path(api: Client) -> None:
    answer = put(api, {"permissions": ["view"], "colour": 1, "limits": [{"most": 1}, {"most": 0, "least": 2}]})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problems = {problem["path"]: problem["code"] for problem in answer.json()["problems"]}
    assert problems == {"colour": "unknown_field", "limits[1].least": "unknown_field", "limits[1].most": "min_value"}


def test_items_of_lists_are_named_by_their_index(api: Client) -> None:
    problems = put(api, {"permissions": ["view", "not a slug"]}).json()["problems"]
    assert [problem["path"] for problem in problems] == ["permissions[1]"]


def test_an_older_revision_in_if_match_is_refused(api: Client) -> None:
    first = put(api, {"permissions": ["view"]})
    second = put(api, {"permissions": []}, **{"If-Match": first["ETag"]})
    assert second["ETag"] == '"2"'
    stale = put(api, {"permissions": ["view"]}, **{"If-Match": first["ETag"]})
    assert (stale.status_code, stale.json()["etag"]) == (412, '"2"')
    assert api.get(SHIFT).json()["permissions"] == []


def test_if_match_on_what_does_not_exist_is_refused(api: Client) -> None:
    assert put(api, {"permissions": []}, **{"If-Match": "*"}).status_code == 412


def test_if_none_match_star_only_creates(api: Client) -> None:
    assert put(api, {"permissions": []}, **{"If-None-Match": "*"}).status_code == 201
    assert put(api, {"permissions": []}, **{"If-None-Match": "*"}).status_code == 412


def test_a_read_with_the_present_etag_is_304(api: Client) -> None:
    put(api, {"permissions": []})
    answer = api.get(SHIFT, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", '"1"')


def test_patch_merges_and_delete_deletes_with_a_reason(api: Client) -> None:
    put(api, {"permissions": ["view"]})
    patched = api.patch(SHIFT, {"permissions": ["view", "operate"]}, content_type="application/json")
    assert patched.json()["permissions"] == ["operate", "view"]
    gone = api.delete(SHIFT, {"reason": "merged into day shift"}, content_type="application/json")
    assert gone.status_code == 204
    assert api.get(SHIFT).status_code == 404
    assert AuditEntry.objects.order_by("-number")[0].reason == "merged into day shift"


def test_the_slug_in_the_body_must_be_the_one_in_the_address(api: Client) -> None:
    answer = put(api, {"slug": "other", "permissions": []})
    assert (answer.status_code, answer.json()["problems"][0]["path"]) == (400, "slug")


@pytest.mark.parametrize(
    "body", ["", "nonsense", '{"permissions": [NaN]}', '"text"', "[]", '{"permissions": ["\\u0000"]}', "[" * 100_000]
)
def test_bodies_that_are_not_acceptable_json_are_400(api: Client, body: str) -> None:
    answer = api.generic("PUT", SHIFT, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_another_media_type_is_415_and_another_method_405(api: Client) -> None:
    assert api.put(SHIFT, "a=b", content_type="text/plain").status_code == 415
    answer = api.post(SHIFT, {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "PUT" in answer["Allow"]


def test_a_viewer_reads_and_may_not_write(logged_in: Any) -> None:
    viewer = logged_in("viewer")
    assert viewer.get("/api/v1/groups").status_code == 200
    answer = put(viewer, {"permissions": []})
    assert (answer.status_code, answer.json()["act"]) == (403, "configure")


def test_without_credentials_it_is_401(client: Client, db: None) -> None:
    answer = client.get("/api/v1/groups")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/v1/groups/a%00b", "/api/v1/nothing"])
def test_unknown_addresses_under_the_api_are_problems(api: Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
