"""/api/v1/actions: the noun, what it refuses, how it fares, and trying again."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from controlplane.audit.models import AuditEntry
from controlplane.aws.models import Holding
from controlplane.kernel import clock

URL = "/api/v1/actions/stop-subs"
PIPE = {"subjects": ["circuit:catalog"], "kind": "pipe", "name": "subs"}

pytestmark = pytest.mark.usefixtures("catalog")


def problems(response) -> dict[str, str]:
    return {problem["path"]: problem["message"] for problem in response.json()["problems"]}


def test_what_get_gives_can_be_put_back(admin_api: APIClient) -> None:
    made = admin_api.put(URL, PIPE)
    assert made.status_code == 201
    whole = {"slug": "stop-subs", "title": "", "enabled": True, "when_open": "STOPPED", "when_closed": "RUNNING"}
    assert made.json() == PIPE | whole | {"account": None, "region": None}
    again = admin_api.put(URL, admin_api.get(URL).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json()) == (200, made.json())
    assert admin_api.patch(URL, {"when_closed": ""}).json()["when_closed"] == ""
    assert admin_api.get("/api/v1/actions").json()[0]["when_closed"] == ""
    assert admin_api.delete(URL).status_code == 204


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"subjects": ["circuit:nobody"]}, "subjects[0]", "There is no circuit 'nobody'"),
        ({"subjects": ["target:catalog"]}, "subjects[0]", "circuit:SLUG or journey:SLUG or pipe:SLUG"),
        ({"subjects": []}, "subjects", "1 element"),
        ({"kind": "queue"}, "kind", "not a valid choice"),
        ({"name": "a b"}, "name", "A pipe's name"),
        ({"kind": "parameter", "name": "/aws/service/x"}, "name", "does not begin with aws"),
        ({"when_open": "PAUSED"}, "when_open", "STOPPED or RUNNING"),
        ({"when_open": "", "when_closed": ""}, "when_open", "must say something"),
        ({"account": "210987654321"}, "account", "AWS_ROLES"),
        ({"region": "Frankfurt"}, "region", "does not match"),
    ],
)
def test_nonsense_is_refused_with_the_field_and_the_remedy(admin_api: APIClient, changes, path, says) -> None:
    refused = admin_api.put(URL, PIPE | changes)
    assert refused.status_code == 400
    assert says in problems(refused)[path]


def test_two_actions_never_fight_over_one_pipe(admin_api: APIClient) -> None:
    admin_api.put(URL, PIPE)
    refused = admin_api.put("/api/v1/actions/other", PIPE)
    assert "stop-subs holds it already" in problems(refused)["name"]


def test_what_an_action_follows_cannot_be_deleted(admin_api: APIClient) -> None:
    admin_api.put("/api/v1/journeys/reading", {"targets": []})
    admin_api.put(URL, PIPE | {"subjects": ["circuit:catalog", "journey:reading"]})
    for noun in ("/api/v1/targets/catalog", "/api/v1/journeys/reading"):
        refused = admin_api.delete(noun)
        assert refused.status_code == 409
        assert refused.json()["used_by"] == [{"kind": "action", "slug": "stop-subs", "title": ""}]


def test_how_it_fares_and_trying_again(admin_api: APIClient, client_of: Callable[[str], APIClient]) -> None:
    admin_api.put(URL, PIPE)
    idle = admin_api.get(f"{URL}/state").json()
    assert (idle["status"], idle["desired"], idle["calls"]) == ("idle", None, [])
    assert admin_api.post(f"{URL}/retry", {}).status_code == 409
    now = clock.now()
    row = {"title": "x", "desired": "STOPPED", "since": now, "due_at": now.replace(year=now.year + 1)}
    Holding.objects.create(key="action:stop-subs", error="nobody there", attempts=3, **row)
    failing = admin_api.get(f"{URL}/state").json()
    assert (failing["status"], failing["attempts"], failing["error"]) == ("failing", 3, "nobody there")
    assert client_of("viewer").post(f"{URL}/retry", {}).status_code == 403
    assert client_of("operator").post(f"{URL}/retry", {"reason": "mended"}).status_code == 202
    assert Holding.objects.get().due_at <= clock.now()
    assert AuditEntry.objects.filter(action="action.retry", reason="mended").exists()
