"""A step that failed for good is done by a person at the inbox, and the customer is told of partial success."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

CUSTOMER = "by-hand@example.org"


def eventually(read: Any, wanted: Any, within_s: float = 30) -> Any:
    deadline = time.monotonic() + within_s
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"{found} and not {wanted}"
        time.sleep(0.2)
    return found


@pytest.fixture
def broken_newsletter(demo_stack: Stack) -> Any:
    def switch(behaviour: str) -> None:
        demo_stack.ask(demo_stack.range, "PUT", "/behaviours/newsletter", {"behaviour": behaviour}, {})

    switch("errors_500")
    yield
    switch("healthy")


def test_a_person_does_what_the_saga_could_not(demo_stack: Stack, page: Page, broken_newsletter: None) -> None:
    from playwright.sync_api import expect

    accepted = demo_stack.call("POST", "/onboarding", {"customer": CUSTOMER})
    assert accepted.status == 202
    intent = accepted.json()["id"]

    def tasks() -> list[str]:
        return [task["title"] for task in demo_stack.api("GET", "tasks").json() if CUSTOMER in task["title"]]

    eventually(lambda: len(tasks()), 1)
    demo_stack.sign_in(page, "/tasks/")
    page.get_by_role("link", name=tasks()[0]).click()
    expect(page.get_by_text("Signing up failed with States.Http.StatusCode.500.")).to_be_visible()
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("It is yours now.")).to_be_visible()
    page.get_by_label("Signed up for the newsletter").check()
    page.get_by_label("Made a member of the loyalty program").check()
    page.get_by_label("Note").fill("By phone.")
    page.get_by_role("button", name="It is done").click()
    expect(page.get_by_text("Done. The saga goes on with your result.")).to_be_visible()

    eventually(lambda: demo_stack.call("GET", f"/-/intents/{intent}").json()["status"], "PARTIAL")
    told = demo_stack.ask(demo_stack.range, "GET", f"/customers?customer={CUSTOMER}", None, {}).json()
    assert [entry["outcome"] for entry in told["notifications"]] == ["partial"]

    page.goto(f"{demo_stack.control}/intents/{intent}/")
    page.locator("a[href^='/executions/']").click()
    expect(page.locator(".state-line")).to_contain_text("PARTIAL")
    expect(page.locator("#steps")).to_contain_text("Manual intervention")
    expect(page.get_by_text("failed, and its error was caught").first).to_be_attached()
