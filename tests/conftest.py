"""What every test may ask for: a real Valkey, a scripted downstream, AWS on loopback, a whole Switchgear, a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis
from _pytest.nodeid import NodeId

from tests import searching
from tests.servers import browser as browsers
from tests.servers.downstream import Downstream
from tests.servers.ministack import ACCOUNT, REGION, Ministack
from tests.servers.stack import Stack
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Fixtures that run a whole Switchgear, and the process that keeps their tests: two at a time are enough for a machine.
GROUPS = {"stack": "stack"} | dict.fromkeys(("demo_stack", "demo", "new_stack", "chaos_stack", "hurt_stack"), "demo")
STACKS = set(GROUPS)
DATABASES = {"db", "transactional_db", "django_db_setup", "live_server"}


def pytest_configure(config: pytest.Config) -> None:
    # Playwright's synchronous interface keeps a loop running in the test's thread; Django would refuse its ORM there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    searching.load_profile()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--touching-database", action="store_true", help="only tests that use a database or a running stack"
    )


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that share a running stack stay in one process (xdist's loadgroup); the others spread."""
    if config.getoption("touching_database"):
        others = [item for item in items if not touches_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if touches_database(item)]
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if running := sorted({GROUPS[name] for name in fixtures & STACKS}):
            item.add_marker(pytest.mark.xdist_group(running[-1]))
        if fixtures & {"page", "browser"}:
            item.add_marker(pytest.mark.browser)
        if getattr(item.config.option, "loadgroup", False):
            keep_group(item)


def touches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & (STACKS | DATABASES)) or item.get_closest_marker("django_db") is not None


def keep_group(item: pytest.Item) -> None:
    """Put the groups behind the test's id, where xdist's loadgroup looks for them.

    pytest-xdist 3.8 does so itself, but by an attribute that pytest 9.2 does not read.
    """
    groups = sorted({mark.args[0] for mark in item.iter_markers("xdist_group")})
    if groups and "@" not in item.nodeid.rpartition("]")[2]:
        item._id = NodeId.parse(f"{item.nodeid}@{'_'.join(groups)}")


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The server itself, for tests that stop it: start it again before you end."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey, settings: Any) -> str:
    """URL of an empty Valkey, which the product in this process uses as well."""
    settings.VALKEY_URL = valkey_server.url
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture
def redis_url(valkey: str) -> str:
    return valkey


@pytest.fixture(scope="session")
def downstream_server() -> Iterator[Downstream]:
    server = Downstream()
    yield server
    server.stop()


@pytest.fixture
def downstream(downstream_server: Downstream) -> Downstream:
    """A downstream without rules and without memory."""
    downstream_server.reset()
    return downstream_server


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    """An AWS on loopback, started when a test first asks for it."""
    server = Ministack(tmp_path_factory.mktemp("ministack"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def aws(ministack: Ministack, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Ministack:
    """The same, empty, and the product in this process speaks to it."""
    ministack.reset()
    settings.AWS_CONFIGURED, settings.AWS_REGION, settings.AWS_ENDPOINT_URL = True, REGION, ministack.url
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)  # its accounts are told apart by it
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    return ministack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running Switchgear with two front-door workers and nothing configured. Use slugs of your own in it."""
    running = Stack(tmp_path_factory.mktemp("stack"))
    try:
        yield running.start()
    finally:
        running.end()


@pytest.fixture(scope="session")
def demo_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running Switchgear with the practice range."""
    running = Stack(tmp_path_factory.mktemp("demo"), demo=True, workers=1)
    try:
        yield running.start()
    finally:
        running.end()


@pytest.fixture
def new_stack(tmp_path: Any) -> Iterator[Stack]:
    """A Switchgear of the test's own, not started yet, to be stopped and killed at will."""
    own = Stack(tmp_path / "data", workers=2)
    yield own
    own.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, a module's: the loop it keeps running would be in the way of other modules' async tests."""
    program = browsers.executable()
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("No browser: install chromium-headless-shell, or name one in BROWSER_PATH.")
        pytest.skip("no browser: install chromium-headless-shell, or name one in BROWSER_PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=browsers.ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in_page(page: Page, stack: Stack) -> Page:
    """A page of `stack`, logged in as admin, at the board."""
    stack.sign_in(page)
    return page
