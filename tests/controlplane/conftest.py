"""People with roles, and a Valkey that is away, for the ground's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client


@pytest.fixture
def no_valkey(settings: Any) -> None:
    """Nobody listens where Valkey should be."""
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"


@pytest.fixture
def person(db: None) -> Callable[[str], User]:
    """A user with a role: `person("operator")`."""

    def make(role: str) -> User:
        user = User.objects.create_user(f"a-{role}", password="correct horse battery")
        user.groups.add(Group.objects.get(name=role))
        return user

    return make


@pytest.fixture
def logged_in(person: Callable[[str], User], client: Client) -> Callable[[str], Client]:
    """A browser that is logged in with a role."""

    def enter(role: str) -> Client:
        client.force_login(person(role), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def groups_compiled(settings: Any) -> None:
    """The configuration consists of Django's groups."""
    settings.CONFIG_COMPILERS = ["tests.controlplane.groups.pieces"]
