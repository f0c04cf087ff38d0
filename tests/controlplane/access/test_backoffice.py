"""The back office asks for acts, and writes into the audit."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from controlplane.access.models import ApiToken
from controlplane.audit.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(person: Any, client: Any) -> Any:
    def enter(role: str) -> Any:
        user = person(role)
        user.is_staff = True
        user.save()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


def test_a_new_token_is_shown_once(staff: Any) -> None:
    client = staff("admin")
    user = User.objects.get(username="a-admin")
    answer = client.post("/admin/access/apitoken/add/", {"user": user.pk, "title": "ci"}, follow=True)
    assert "Copy the token now" in answer.content.decode()
    assert ApiToken.objects.get().title == "ci"
    assert AuditEntry.objects.get().by == "a-admin"
    assert client.get("/admin/access/apitoken/").status_code == 200


def test_operators_see_the_audit_and_change_no_users(staff: Any) -> None:
    client = staff("operator")
    assert client.get("/admin/audit/auditentry/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/access/apitoken/").status_code == 403


def test_giving_somebody_a_role_is_recorded(staff: Any) -> None:
    client = staff("admin")
    bob = User.objects.create_user("bob", password="correct horse battery")
    form = {
        "username": "bob",
        "is_active": "on",
        "groups": [Group.objects.get(name="operator").pk],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "10:00:00",
    }
    answer = client.post(f"/admin/auth/user/{bob.pk}/change/", form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject) == ("user.update", "user:bob")
    assert (entry.before["groups"], entry.after["groups"]) == ([], ["operator"])


def test_an_admin_cannot_touch_a_superuser(staff: Any) -> None:
    client = staff("admin")
    root = User.objects.create_superuser("root")
    assert client.post(f"/admin/auth/user/{root.pk}/change/", {"username": "owned"}).status_code == 403
    assert client.get(f"/admin/auth/user/{root.pk}/password/").status_code in {403, 302}
    assert client.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403
