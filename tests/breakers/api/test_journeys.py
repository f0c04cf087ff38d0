"""/api/v1/journeys, and an operator's word on their delay."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

URL = "/api/v1/journeys/reading"
READING = {"title": "Reading", "targets": ["catalog"], "severity": "info", "messages": {"en": "Soon."}}

BY_CIRCUITS_ALONE = {"raise_at_age_s": None, "raise_at_backlog": None, "clear_on": "close"}
pytestmark = pytest.mark.usefixtures("catalog")


def test_what_get_gives_can_be_put_back(admin_api: APIClient) -> None:
    made = admin_api.put(URL, READING)
    assert (made.status_code, made.json()) == (201, {"slug": "reading", **READING, **BY_CIRCUITS_ALONE})
    again = admin_api.put(URL, admin_api.get(URL).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json()) == (200, made.json())
    assert admin_api.get("/api/v1/journeys").json() == [made.json()]
    assert admin_api.delete(URL).status_code == 204


def test_an_operators_word_comes_and_goes(admin_api: APIClient, client_of: Callable[[str], APIClient]) -> None:
    admin_api.put(URL, READING)
    operator = client_of("operator")
    word = {"delayed": True, "message": "Please wait.", "severity": "critical", "reason": "backlog", "expires_in_s": 60}
    said = operator.put(f"{URL}/delay", word)
    assert said.status_code == 200
    assert {name: said.json()[name] for name in ("delayed", "message", "severity", "reason", "by")} == {
        **{name: word[name] for name in ("delayed", "message", "severity", "reason")},
        "by": "a-operator",
    }
    assert operator.delete(f"{URL}/delay", {}).status_code == 400
    assert operator.delete(f"{URL}/delay", {"reason": "done"}).status_code == 204
    assert operator.delete(f"{URL}/delay", {"reason": "done"}).status_code == 404


def test_a_word_needs_a_reason_and_an_operator(admin_api: APIClient, client_of: Callable[[str], APIClient]) -> None:
    admin_api.put(URL, READING)
    refused = admin_api.put(f"{URL}/delay", {"delayed": True})
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (400, "reason")
    assert client_of("viewer").put(f"{URL}/delay", {"reason": "x"}).status_code == 403
    assert client_of("operator").put(URL, READING).status_code == 403
