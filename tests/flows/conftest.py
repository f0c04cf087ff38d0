"""Running Switchgears of the stories about admission, whose workers, Valkey and limits these stories hurt."""

from collections.abc import Iterator

import pytest

from tests.servers.stack import Stack


@pytest.fixture(scope="session")
def two_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two front-door workers. Leave it as you found it: both run, Valkey answers, no throttle of the account."""
    running = Stack(tmp_path_factory.mktemp("two-doors"))
    try:
        yield running.start()
    finally:
        running.end()


@pytest.fixture(scope="module")
def four_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Four front-door workers, for the stories of one module."""
    running = Stack(tmp_path_factory.mktemp("four-doors"), workers=4)
    try:
        yield running.start()
    finally:
        running.end()
