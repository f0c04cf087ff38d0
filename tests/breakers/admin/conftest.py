"""Browsers in the back office, by role, and forms as they would be sent."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.breakers.admin import forms


@pytest.fixture
def back_office(db: None) -> Callable[[str], Client]:
    """`back_office("admin")`: somebody with that role, logged in."""

    def make(role: str) -> Client:
        user = User.objects.create_user(f"a-{role}", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def office(back_office: Callable[[str], Client]) -> Client:
    return back_office("admin")


@pytest.fixture
def form_of() -> Callable[..., dict[str, Any]]:
    """What a browser would send for the page in `response`: every field as it stands, then `changes` over it."""
    return forms.sent
