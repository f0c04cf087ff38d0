"""/api/v1/routes"""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

URL = "/api/v1/routes/article"
ARTICLE = {"path": "/articles/{id}", "integration": {"type": "target", "target": "catalog"}}

pytestmark = pytest.mark.usefixtures("catalog")


def test_what_get_gives_can_be_put_back(admin_api: APIClient) -> None:
    made = admin_api.put(URL, ARTICLE)
    assert made.status_code == 201
    again = admin_api.put(URL, admin_api.get(URL).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json(), again["ETag"]) == (200, made.json(), made["ETag"])
    assert admin_api.get("/api/v1/routes").json() == [made.json()]


def test_a_patch_moves_traffic_and_an_outdated_one_is_refused(admin_api: APIClient) -> None:
    made = admin_api.put(URL, ARTICLE)
    moved = admin_api.patch(URL, {"integration": {"path": "/v2/{id}"}}, headers={"If-Match": made["ETag"]})
    assert (moved.status_code, moved.json()["integration"]["path"]) == (200, "/v2/{id}")
    assert admin_api.patch(URL, {"enabled": False}, headers={"If-Match": made["ETag"]}).status_code == 412


def test_problems_name_the_path_within_the_integration(admin_api: APIClient) -> None:
    refused = admin_api.put(URL, {**ARTICLE, "integration": {"type": "target", "target": "nothing"}})
    assert refused.status_code == 400
    assert [problem["path"] for problem in refused.json()["problems"]] == ["integration.target"]


def test_operators_look_and_admins_change(client_of: Callable[[str], APIClient], admin_api: APIClient) -> None:
    admin_api.put(URL, ARTICLE)
    operator = client_of("operator")
    assert operator.get(URL).status_code == 200
    assert operator.patch(URL, {"enabled": False}).status_code == 403
    assert operator.delete(URL).status_code == 403
    assert admin_api.delete(URL).status_code == 204
