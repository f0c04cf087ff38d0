"""Roles and the one question."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

from controlplane.access.models import ApiToken
from controlplane.kernel.access import ACTS, Principal, can, principal_of, require, role_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("service", {"report"}),
        ("viewer", {"view"}),
        ("operator", {"view", "operate"}),
        ("admin", {"view", "operate", "configure", "administer"}),
    ],
)
def test_each_role_has_its_acts(person: Any, role: str, acts: set[str]) -> None:
    user = person(role)
    assert {act for act in ACTS if can(user, act, "target:catalog")} == acts
    assert role_of(user) == role


def test_a_superuser_is_an_admin_and_nobody_else_is_anything() -> None:
    assert role_of(User.objects.create_superuser("root")) == "admin"
    assert role_of(User.objects.create_user("newcomer")) is None
    assert role_of(User.objects.create_user("gone", is_superuser=True, is_active=False)) is None
    assert role_of(AnonymousUser()) is None


def test_an_unknown_act_is_a_mistake_in_the_code(person: Any) -> None:
    with pytest.raises(KeyError):
        can(person("admin"), "fly")
    with pytest.raises(ValueError):
        require("fly")


def test_require_sends_visitors_to_log_in_and_refuses_other_roles(person: Any) -> None:
    @require("operate")
    def view(request: Any) -> HttpResponse:
        return HttpResponse("done")

    request = RequestFactory().get("/toggle")
    request.user = AnonymousUser()
    assert view(request)["Location"] == "/login/?next=/toggle"
    request.user = person("viewer")
    with pytest.raises(PermissionDenied):
        view(request)
    request.user = person("operator")
    assert view(request).content == b"done"


def test_the_principal_is_the_user_or_the_token_that_came(person: Any) -> None:
    user = person("operator")
    request: Any = RequestFactory().get("/")
    request.user = user
    assert principal_of(request) == Principal("a-operator", "user", user.pk)
    request.auth = ApiToken(user=user, title="ci")
    assert principal_of(request) == Principal("a-operator (token ci)", "token", user.pk)
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        principal_of(request)
