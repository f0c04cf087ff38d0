"""Who acts in these tests, and a target to act on."""

import pytest
from django.contrib.auth.models import Group, User

from breakers.models import Target
from breakers.operations import targets
from controlplane.kernel.access import Principal


@pytest.fixture
def ada(db: None) -> Principal:
    """An operator."""
    return _person("ada", "operator")


@pytest.fixture
def root(db: None) -> Principal:
    """An admin."""
    return _person("root", "admin")


@pytest.fixture
def catalog(root: Principal) -> Target:
    return targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=root)[0]


def _person(name: str, role: str) -> Principal:
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=role))
    return Principal(name, "user", user.pk)
