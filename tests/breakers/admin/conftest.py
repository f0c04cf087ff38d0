"""Browsers in the back office, by role, and forms as they would be sent."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client


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

    def read(response: Any, **changes: Any) -> dict[str, Any]:
        context = response.context
        fields = list(context["adminform"].form)
        for inline in context["inline_admin_formsets"]:
            fields += list(inline.formset.management_form)
            for form in inline.formset.forms:
                fields += list(form)
        sent: dict[str, Any] = {}
        for field in fields:
            value = field.value()
            if value is True:
                sent[field.html_name] = "on"
            elif value is not None and value is not False:
                sent[field.html_name] = value
        return {**sent, **changes}

    return read
