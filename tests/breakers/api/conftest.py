"""REST clients by role, and a target to speak of."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from breakers.models import Target
from breakers.operations import targets
from controlplane.kernel.access import Principal


@pytest.fixture
def client_of(db: None) -> Callable[[str], APIClient]:
    """`client_of("operator")`: a client of somebody with that role."""

    def make(role: str) -> APIClient:
        user, _ = User.objects.get_or_create(username=f"a-{role}")
        user.groups.add(Group.objects.get(name=role))
        client = APIClient()
        client.force_authenticate(user)
        return client

    return make


@pytest.fixture
def admin_api(client_of: Callable[[str], APIClient]) -> APIClient:
    return client_of("admin")


@pytest.fixture
def catalog(db: None) -> Target:
    return targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=Principal.system("test"))[0]
