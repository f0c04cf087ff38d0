"""The five-minute story: payment breaks, subscriptions are kept, Valkey and a worker die, payment is mended, all end.

`make demo` runs it by itself and says what it sees; STORY_PICTURES names a folder for its pictures. Its counters are
assertions: 40 accepted, 40 ended, none charged twice.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SUBSCRIPTIONS = 40
ENDED = {"SUCCEEDED", "PARTIAL", "FAILED"}


@pytest.fixture
def demo(tmp_path: Any) -> Iterator[Stack]:
    """The practice range with nobody in it but us."""
    own = Stack(tmp_path / "demo", demo=True, workers=1, env={"RANGE_TRAFFIC": "0"})
    try:
        yield own.start()
    finally:
        own.end()


class Teller:
    """Says each scene on standard output, with the seconds since the beginning, and keeps its picture."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        folder = os.environ.get("STORY_PICTURES")
        self.folder = Path(folder) if folder else None

    def say(self, words: str) -> None:
        print(f"{time.monotonic() - self.began:5.1f} s  {words}", flush=True)  # noqa: T201 - what `make demo` shows

    def keep(self, page: Page, name: str) -> None:
        if self.folder is not None:
            page.wait_for_timeout(300)
            page.screenshot(path=self.folder / f"story-{name}.png")


class Story:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.accepted: dict[int, str] = {}

    def switch(self, service: str, behaviour: str) -> None:
        answer = self.stack.ask(
            self.stack.range,
            "PUT",
            f"/behaviours/{service}",
            {"behaviour": behaviour},
            {"Content-Type": "application/json"},
        )
        assert answer.status == 200, answer.body

    def subscribe(self, number: int) -> int:
        """Send one, again with the same key if the answer broke off, as any client should; its status."""
        order = {"customer": f"reader-{number}@example.org", "item": "premium", "amount_cents": 900}
        for _ in range(20):
            try:
                answer = self.stack.call("POST", "/onboarding", order, {"Idempotency-Key": f"story-{number}"})
            except OSError:
                time.sleep(0.2)
                continue
            if answer.status == 202:
                self.accepted[number] = answer.json()["id"]
            return answer.status
        return 0

    def pipe(self) -> dict[str, Any]:
        return dict(self.stack.api("GET", "pipes/premium-onboarding").json())

    def circuit(self) -> str:
        return str(self.stack.api("GET", "breakers/payment").json()["observed_state"])

    def fates(self) -> Counter[str]:
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda id: self.stack.call("GET", f"/-/intents/{id}"), self.accepted.values())
            return Counter(answer.json()["status"] for answer in answers)

    def ledger(self) -> dict[str, Any]:
        return dict(self.stack.ask(self.stack.range, "GET", "/charges", None, {}).json())

    def until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while True:
            try:
                if condition():
                    return
            except (OSError, ValueError, KeyError):  # a process is being started again
                pass
            assert time.monotonic() < deadline, f"not within {within_s} s: {what}; {self.pipe()}"
            time.sleep(0.2)


def test_nothing_is_lost_and_nothing_is_charged_twice(demo: Stack, browser: Browser) -> None:
    from playwright.sync_api import expect

    story, teller = Story(demo), Teller()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    shop, board = context.new_page(), context.new_page()
    demo.sign_in(board)
    banner = shop.get_by_role("status")

    story.until(lambda: "count" in story.ledger(), "the practice range listens", 30)
    story.switch("payment", "errors_500")
    teller.say("Payment is broken. A reader subscribes on the shop page.")
    shop.goto(f"{demo.range}/shop/subscribe")
    shop.fill("input[name=email]", "reader@example.org")
    shop.get_by_role("button", name="Subscribe").click()
    expect(shop.get_by_text("We have received your request and will confirm it by e-mail.")).to_be_visible()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(story.subscribe, range(3))) == {202}
    story.until(lambda: story.circuit() == "OPEN", "the circuit opens", 30)
    story.until(lambda: story.pipe()["current_state"] == "STOPPED", "the pipe stops", 10)
    assert story.pipe()["stopped_by"] == "circuit"
    teller.say("The circuit of payment is open, and the pipe has stopped.")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(story.subscribe, range(3, SUBSCRIPTIONS))) == {202}
    teller.say(f"{SUBSCRIPTIONS} subscriptions were answered 202. {story.pipe()['backlog']['waiting']} wait.")
    expect(banner).to_contain_text("We have received your request. You do not need to send it again.", timeout=15_000)
    teller.keep(shop, "shop")
    board.goto(demo.control)
    expect(board.locator("#flow")).to_contain_text("payment is open", timeout=10_000)
    teller.keep(board, "stopped")
    assert story.ledger()["count"] == 0

    teller.say("Valkey and the saga worker are killed.")
    for name in ("valkey", "sagas"):
        for pid in demo.pids(name):
            os.kill(pid, signal.SIGKILL)
    assert story.subscribe(0) == 202, "whoever asks again gets the same answer, with Valkey away as well"
    board.goto(demo.control)
    expect(board.locator("#workers")).to_contain_text("Front doors: 1 of 1")
    teller.keep(board, "killed")
    story.until(lambda: bool(demo.pids("valkey") and demo.pids("sagas")), "both are started again", 30)
    teller.say("The supervisor has started both again.")

    story.switch("payment", "healthy")
    teller.say("Payment is mended. Nobody touches anything from here on.")
    story.until(lambda: story.circuit() == "CLOSED", "the circuit closes", 60)
    probes = demo.api("GET", "breakers/payment/transitions").json()
    teller.say(f"The circuit is closed: {probes[0]['reason']}.")
    story.until(lambda: story.pipe()["eta_s"] is not None, "the drain gives a forecast", 30)
    board.goto(f"{demo.control}/pipes/premium-onboarding/")
    teller.keep(board, "draining")
    story.until(lambda: story.pipe()["backlog"]["waiting"] == 0, "the backlog drains", 90)
    story.until(lambda: set(story.fates()) <= ENDED, "all have ended", 90)
    fates = story.fates()
    teller.say(f"All have ended: {dict(fates)}.")
    expect(banner).not_to_contain_text("You do not need to send it again", timeout=30_000)
    shop.goto(f"{demo.range}/shop")
    expect(banner).to_be_empty(timeout=30_000)
    board.goto(demo.control)
    expect(board.locator("#flow")).not_to_contain_text("wait", timeout=10_000)
    teller.keep(board, "over")

    ledger = story.ledger()
    assert len(set(story.accepted.values())) == SUBSCRIPTIONS
    assert sum(fates.values()) == SUBSCRIPTIONS
    assert ledger["charged_twice"] == []
    assert ledger["refunds_astray"] == 0
    paid = ledger["count"] - ledger["refunded"]
    assert paid == fates["SUCCEEDED"] + fates["PARTIAL"] + 1, "and the reader of the shop page"
    teller.say(f"{SUBSCRIPTIONS} accepted, {SUBSCRIPTIONS} ended, 0 charged twice.")
    context.close()
