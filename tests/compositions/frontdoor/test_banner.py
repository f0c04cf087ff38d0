"""The delay banner in a real browser, on a page of another origin with a strict Content-Security-Policy."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .equipment import ROOT, eventually

playwright = pytest.importorskip("playwright.sync_api")

SCRIPT = (ROOT / "static" / "delay-banner.js").read_bytes()
CALM = {"delayed": False, "journeys": [], "poll_after_s": 0.2, "stale": False}


def late(message="We have received your order.", estimated_s=None, severity="warning"):
    entry = {"journey": "subscribe", "delayed": True, "severity": severity, "message": message}
    return CALM | {"delayed": True, "journeys": [entry | {"estimated_s": estimated_s, "retry": False}]}


class Site(ThreadingHTTPServer):
    """One origin: either the host page's, or the flag's, which plays the part that `flag` gives it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.flag: dict | None = CALM
        self.fate = "ACCEPTED"
        self.page, self.policy = b"", ""
        self.asked: list[tuple[str, str | None]] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site: Site = self.server
        if self.path.startswith("/-/delay-banner.js"):
            return self.reply(200, "text/javascript", SCRIPT)
        if self.path.startswith("/-/intents/"):
            fate = json.dumps({"id": "int-1", "status": site.fate}).encode()
            return self.reply(200, "application/json", fate, [("Access-Control-Allow-Origin", "*")])
        if self.path.startswith("/-/delay-events"):
            news = b"event: delay\ndata: " + json.dumps(late("Heard, not asked.")).encode() + b"\n\n"
            return self.reply(200, "text/event-stream", news, [("Access-Control-Allow-Origin", "*")])
        if not self.path.startswith("/-/processing-delay"):
            return self.reply(200, "text/html; charset=utf-8", site.page, [("Content-Security-Policy", site.policy)])
        tag = f'W/"{hash(json.dumps(site.flag))}"'
        site.asked.append((self.path, self.headers.get("If-None-Match")))
        shared = [("ETag", tag), ("Access-Control-Allow-Origin", "*"), ("Cache-Control", "public, max-age=2")]
        if site.flag is None:
            return self.reply(500, "text/plain", b"no", shared)
        if self.headers.get("If-None-Match") == tag:
            return self.reply(304, "application/json", b"", shared)
        return self.reply(200, "application/json", json.dumps(site.flag).encode(), shared)

    def reply(self, status, kind, body, more=()):
        self.send_response(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), *more]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    site = Site()
    yield site
    site.shutdown()


@pytest.fixture
def visit(browser, site):
    """Opens the host page with the banner's options; complaints of the browser are collected."""
    shop = Site()
    opened = []

    def visit(options="?journey=subscribe&lang=en", attributes=""):
        shop.policy = f"default-src 'none'; script-src {site.origin}; connect-src {site.origin}; style-src 'self'"
        script = f'<script src="{site.origin}/-/delay-banner.js{options}" async {attributes}></script>'
        shop.page = f'<!doctype html><html lang="en"><title>Shop</title><body><h1>Shop</h1>{script}'.encode()
        page = browser.new_page()
        page.complaints = []
        page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(shop.origin + "/")
        opened.append(page)
        return page

    yield visit
    for page in opened:
        page.close()
    shop.shutdown()


pytestmark = pytest.mark.browser


def test_the_banner_shows_while_the_flag_is_up_and_goes_when_it_comes_down(visit, site):
    site.flag = late(estimated_s=100)
    page = visit()
    status = page.get_by_role("status")
    playwright.expect(status).to_contain_text("We have received your order. Expected to take about 2 min.")
    assert status.get_attribute("aria-live") == "polite"
    site.flag = CALM
    playwright.expect(status).to_be_empty()
    assert page.complaints == []


def test_it_looks_like_a_banner_under_a_strict_policy(visit, site):
    site.flag = late(severity="critical")
    page = visit("?journey=subscribe&position=bottom")
    status = page.get_by_role("status")
    playwright.expect(status).to_be_visible()
    assert status.evaluate("box => getComputedStyle(box).backgroundColor") == "rgb(140, 29, 24)"
    box = status.bounding_box()
    assert box["width"] == page.viewport_size["width"]
    assert round(box["y"] + box["height"]) == page.viewport_size["height"]
    assert page.complaints == []


def test_no_banner_shows_while_nothing_is_late(visit, site):
    page = visit()
    eventually(lambda: len(site.asked) >= 2)
    assert page.get_by_role("status").text_content() == ""
    assert not page.get_by_role("button", name="Close").is_visible()


def test_it_asks_for_its_journey_in_its_language_and_with_the_tag_it_knows(visit, site):
    site.flag = late()
    visit("?journey=a%20b&lang=de")
    eventually(lambda: len(site.asked) >= 2)
    assert site.asked[0] == ("/-/processing-delay/a%20b?lang=de", None)
    assert site.asked[1][1].startswith('W/"')


def test_a_failing_poll_leaves_the_banner_as_it_is(visit, site):
    site.flag = late()
    page = visit()
    status = page.get_by_role("status")
    playwright.expect(status).to_contain_text("We have received your order.")
    site.flag = None
    asked = len(site.asked)
    eventually(lambda: len(site.asked) > asked)
    page.wait_for_timeout(300)
    playwright.expect(status).to_contain_text("We have received your order.")


def test_an_old_banner_is_forgotten_when_nobody_can_vouch_for_it(visit, site):
    site.flag = late()
    page = visit(attributes='data-forget-minutes="0.00001"')
    status = page.get_by_role("status")
    playwright.expect(status).to_contain_text("We have received your order.")
    site.flag = None
    playwright.expect(status).to_be_empty()


def test_closing_hides_it_until_there_is_other_news(visit, site):
    site.flag = late()
    page = visit()
    page.get_by_role("button", name="Close").click()
    status = page.get_by_role("status")
    playwright.expect(status).to_be_empty()
    asked = len(site.asked)
    eventually(lambda: len(site.asked) > asked + 1)
    assert status.text_content() == ""
    site.flag = late("It takes longer still.")
    playwright.expect(status).to_contain_text("It takes longer still.")


def test_it_stops_asking_while_the_page_is_hidden(visit, site):
    page = visit()
    eventually(lambda: site.asked)
    hide = """hidden => {
        Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.wait_for_timeout(100)
    asked = len(site.asked)
    page.wait_for_timeout(800)
    assert len(site.asked) == asked
    page.evaluate(hide, False)
    eventually(lambda: len(site.asked) > asked)


def test_its_words_can_be_given_by_the_page(visit, site):
    site.flag = late("Es dauert.", estimated_s=42)
    page = visit("?lang=de", 'data-estimate="Noch {time}." data-seconds="{n} Sek." data-close="Schließen"')
    playwright.expect(page.get_by_role("status")).to_contain_text("Es dauert. Noch 50 Sek.")
    assert page.get_by_role("button", name="Schließen").is_visible()


def test_markup_in_a_message_is_shown_as_text(visit, site):
    site.flag = late("<img src=x onerror=alert(1)>")
    page = visit()
    playwright.expect(page.get_by_role("status")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.complaints == []


def test_who_has_sent_something_is_told_that_it_was_received_until_it_has_ended(visit, site):
    site.flag = late("Subscribing takes a pause.", estimated_s=100)
    page = visit("?journey=subscribe&lang=en&intent=int-1")
    status = page.get_by_role("status")
    playwright.expect(status).to_contain_text(
        "We have received your request. You do not need to send it again. Expected to take about 2 min."
    )
    site.fate = "SUCCEEDED"
    playwright.expect(status).to_contain_text("Your request is done.")
    assert page.complaints == []


def test_a_page_that_sends_by_script_says_so_with_an_event(visit, site):
    page = visit("?journey=subscribe&lang=de")
    eventually(lambda: site.asked)
    page.evaluate("document.dispatchEvent(new CustomEvent('switchgear:intent', {detail: 'int-1'}))")
    playwright.expect(page.get_by_role("status")).to_contain_text("Wir haben Ihre Anfrage erhalten.")
    site.fate = "DEAD"
    playwright.expect(page.get_by_role("status")).to_contain_text("Ihre Anfrage braucht unsere Hilfe.")


def test_where_the_page_wants_it_live_news_come_without_asking(visit, site):
    site.flag = CALM | {"poll_after_s": 60}
    page = visit("?journey=subscribe&lang=en&live=1")
    playwright.expect(page.get_by_role("status")).to_contain_text("Heard, not asked.")
    assert page.complaints == []
