"""A browser's view of the flow: people who are logged in."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from breakers.panels import board


@pytest.fixture
def enter(db, valkey):
    """A browser that is logged in: `enter("operator")`, or with a name of its own."""
    board.forget()  # what an earlier test read

    def make(role, name=None):
        user, _ = User.objects.get_or_create(username=name or f"a-{role}")
        user.groups.add(Group.objects.get(name=role))
        client = Client(headers={"Accept": "text/html"})
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make
