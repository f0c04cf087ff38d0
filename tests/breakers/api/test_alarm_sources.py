"""/api/v1/alarm-sources: the noun, what it refuses, secrets that are shown once, and what came in."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from breakers.models import AlarmMessage
from controlplane.audit.models import AuditEntry
from controlplane.kernel import clock

URL = "/api/v1/alarm-sources/watch"
RULES = [{"alarm": "checkout-*", "target": "catalog"}]
SNS = {"scheme": "sns", "topic_arn": "arn:aws:sns:us-east-1:123456789012:alarms", "alarms": RULES}

pytestmark = pytest.mark.usefixtures("catalog")


def test_what_get_gives_can_be_put_back(admin_api: APIClient) -> None:
    made = admin_api.put(URL, SNS)
    assert made.status_code == 201
    whole = {"slug": "watch", "title": "", "enabled": True, "certificate": None, "max_age_s": 900}
    assert made.json() == SNS | whole
    again = admin_api.put(URL, admin_api.get(URL).json(), headers={"If-Match": made["ETag"]})
    assert (again.status_code, again.json()) == (200, made.json())
    assert admin_api.patch(URL, {"max_age_s": 60}).json()["max_age_s"] == 60
    assert admin_api.delete(URL).status_code == 204


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"topic_arn": "alarms"}, "topic_arn", "Write the topic's ARN"),
        ({"topic_arn": None}, "topic_arn", "Name the topic"),
        ({"certificate": "secret"}, "certificate", "PEM block"),
        ({"scheme": "hmac"}, "topic_arn", "takes no topic_arn"),
        ({"scheme": "password"}, "scheme", "not a valid choice"),
        ({"alarms": [{"alarm": "x", "target": "nobody"}]}, "alarms[0].target", "There is no target 'nobody'"),
        ({"alarms": [{"alarm": "x"}]}, "alarms[0].target", "required"),
        ({"max_age_s": 0}, "max_age_s", "greater than or equal to 1"),
    ],
)
def test_nonsense_is_refused_with_the_field_and_the_remedy(admin_api: APIClient, changes, path, says) -> None:
    refused = admin_api.put(URL, SNS | changes)
    assert refused.status_code == 400
    found = {problem["path"]: problem["message"] for problem in refused.json()["problems"]}
    assert says in found[path]


def test_a_secret_is_shown_once_to_who_may_configure(
    admin_api: APIClient, client_of: Callable[[str], APIClient]
) -> None:
    admin_api.put(URL, {"scheme": "hmac", "alarms": RULES})
    assert client_of("operator").post(f"{URL}/secret", {}).status_code == 403
    made = admin_api.post(f"{URL}/secret", {"reason": "first"})
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert len(made.json()["secret"]) >= 40
    assert made.json()["previous_valid_until"] is None
    again = admin_api.post(f"{URL}/secret", {"grace_s": 60})
    assert again.json()["previous_valid_until"]
    assert "secret" not in admin_api.get(URL).json()
    assert AuditEntry.objects.filter(action="alarm-source.secret").count() == 2
    admin_api.put(URL, SNS)
    assert admin_api.post(f"{URL}/secret", {}).status_code == 409


def test_what_came_in_is_listed(admin_api: APIClient) -> None:
    admin_api.put(URL, SNS)
    row = {"alarm": "checkout-failed", "state": "OK", "target": "catalog", "outcome": "recorded"}
    AlarmMessage.objects.create(source="watch", message="1", at=clock.now(), **row)
    (told,) = admin_api.get(f"{URL}/messages").json()
    assert told | row == told


def test_a_target_whose_circuit_an_alarm_opens_cannot_be_deleted(admin_api: APIClient) -> None:
    admin_api.put(URL, SNS)
    refused = admin_api.delete("/api/v1/targets/catalog")
    assert refused.status_code == 409
    assert refused.json()["used_by"] == [{"kind": "alarm-source", "slug": "watch", "title": ""}]
