"""API tokens: kept as hashes, owned by a principal, refused when expired or revoked."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access import tokens
from controlplane.access.models import ApiToken
from controlplane.audit.models import AuditEntry
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("groups_compiled", "no_valkey"),
    pytest.mark.urls("tests.controlplane.groups"),
]
URL = "/api/v1/groups"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_acts_as_its_user_and_is_named_in_the_audit(person: Any, client: Client) -> None:
    _, secret = tokens.issue(person("admin"), "ci")
    answer = client.put(f"{URL}/x", {"permissions": []}, content_type="application/json", headers=bearer(secret))
    assert answer.status_code == 201
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.by, entry.by_kind) == ("a-admin (token ci)", "token")
    assert ApiToken.objects.get().last_used_at is not None


def test_a_token_has_no_more_rights_than_its_user(person: Any, client: Client) -> None:
    _, secret = tokens.issue(person("viewer"), "dashboards")
    assert client.get(URL, headers=bearer(secret)).status_code == 200
    answer = client.put(f"{URL}/x", {"permissions": []}, content_type="application/json", headers=bearer(secret))
    assert answer.status_code == 403


def test_the_secret_itself_is_nowhere_in_the_database(person: Any) -> None:
    token, secret = tokens.issue(person("admin"), "ci")
    row = str(ApiToken.objects.filter(pk=token.pk).values()[0])
    assert secret not in row
    assert secret not in AuditEntry.objects.get().after_json


@pytest.mark.parametrize("how", ["unknown", "expired", "revoked", "user gone"])
def test_an_unusable_token_is_401_with_a_problem(person: Any, client: Client, how: str) -> None:
    user = person("admin")
    token, secret = tokens.issue(user, "ci")
    match how:
        case "unknown":
            secret = "sg_" + "x" * 40
        case "expired":
            ApiToken.objects.filter(pk=token.pk).update(expires_at=clock.now() - timedelta(seconds=1))
        case "revoked":
            tokens.revoke(token, by=Principal("anna", "user", 1), reason="leaked")
        case _:
            user.is_active = False
            user.save()
    answer = client.get(URL, headers=bearer(secret))
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_given_secret_is_taken_over_once(person: Any) -> None:
    user = person("admin")
    first, _ = tokens.issue(user, "API_TOKEN", "a-secret-of-one's-own")
    second, secret = tokens.issue(user, "API_TOKEN", "a-secret-of-one's-own")
    assert (first.pk, secret) == (second.pk, "a-secret-of-one's-own")
    with pytest.raises(Invalid):
        tokens.issue(user, "API_TOKEN", "short")


def test_revoking_twice_is_recorded_once(person: Any) -> None:
    token, _ = tokens.issue(person("admin"), "ci")
    for _ in range(2):
        tokens.revoke(token, by=Principal("anna", "user", 1), reason="leaked")
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["token.revoke", "token.issue"]


def test_a_session_that_writes_needs_its_csrf_token(person: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person("admin"), backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.put(f"{URL}/x", {"permissions": []}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
