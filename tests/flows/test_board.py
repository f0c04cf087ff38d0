"""The board in a real browser, on real traffic: what somebody on call sees and does at 3 a.m."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.servers.downstream import Downstream

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONFIRMED = re.compile(r"Effective on (\d+) of \1 front-door worker")


class Circuit:
    """A target of its own for one story, with a route and a journey, and the service behind it."""

    def __init__(self, stack, slug):
        self.stack, self.slug, self.title = stack, slug, slug.title()
        self.service = Downstream()
        self.page = f"{stack.control}/circuits/{slug}/"
        target = {
            "title": self.title,
            "base_url": self.service.url,
            "owner": "Sofia",
            "contact": "sofia@example.org",
            "runbook_url": "https://example.org/runbook",
            "status_page_url": "https://status.example.org",
            "breaker": {
                "policies": [{"type": "consecutive_failures", "threshold": 3}],
                "wait_duration_in_open_state_s": 60,
            },
            "probe": {"path": "/health", "count": 1, "interval_s": 1},
            "cache": {"write_through": False},
        }
        route = {"path": f"/{slug}", "integration": {"type": "target", "target": slug, "path": "/"}}
        journey = {"title": f"Using {slug}", "targets": [slug], "messages": {"en": "It takes a little longer."}}
        for path, body in ((f"targets/{slug}", target), (f"routes/{slug}", route), (f"journeys/{slug}", journey)):
            assert self.api("PUT", path, body) in (200, 201)
        deadline = time.monotonic() + 10
        while self.get() == 404 and time.monotonic() < deadline:
            time.sleep(0.1)

    def api(self, method, path, body=None):
        return self.stack.api(method, path, body).status

    def get(self):
        return self.stack.call("GET", f"/{self.slug}").status

    def close(self):
        self.service.stop()
        for noun in ("journeys", "routes", "targets"):
            self.api("DELETE", f"{noun}/{self.slug}")


@pytest.fixture
def circuit(stack, request):
    made = Circuit(stack, re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))[:40].strip("-"))
    yield made
    made.close()


def fill_in_login(page, stack):
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", stack.password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def give_order(page, title, reason):
    page.get_by_label(title).check()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Do it").click()


def test_a_circuit_opens_before_the_operators_eyes_and_is_steered(stack, page, circuit):
    stack.sign_in(page)
    row = page.locator(f"#circuit-{circuit.slug}")
    expect(row).to_contain_text("CLOSED")
    assert circuit.get() == 200

    circuit.service.behave(status=500)
    for _ in range(4):
        circuit.get()
    # No reload: the board is live.
    expect(row).to_contain_text("OPEN", timeout=10000)
    expect(row).to_contain_text("no calls")
    expect(page.locator("#opening")).to_contain_text(f"{circuit.title} is open since")
    expect(page.locator("#opening")).to_contain_text(f"Customers in Using {circuit.slug} see the delay notice")
    expect(page.locator("#opening")).to_contain_text("next probe in")

    row.get_by_role("link").first.click()
    expect(page.locator("#history")).to_contain_text("3 failures in a row")
    page.get_by_text("The calls that tripped it").click()
    expect(page.locator("#history")).to_contain_text("status 500")
    expect(page.locator("#settings")).to_contain_text("https://status.example.org")

    page.get_by_label("Force closed").check()
    expect(page.locator(".choice", has_text="Force closed")).to_contain_text("calls will run into the failure")
    give_order(page, "Force closed", "the provider says it is back")
    expect(page.locator("#confirmation")).to_contain_text(CONFIRMED, timeout=10000)
    expect(page.locator(".circuit-head")).to_contain_text("FORCED_CLOSED", timeout=10000)
    expect(page.locator(".circuit-head")).to_contain_text("the breaker concludes OPEN")
    circuit.service.reset()
    assert circuit.get() == 200

    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#confirmation")).to_contain_text(CONFIRMED, timeout=10000)
    expect(page.locator(".circuit-head .state")).to_have_text(re.compile(r"OPEN$"), timeout=10000)

    page.get_by_role("button", name="Probe now").click()
    expect(page.locator("#probe-result")).to_contain_text("Passed, status 200", timeout=10000)
    expect(page.locator(".circuit-head")).to_contain_text("CLOSED", timeout=10000)
    expect(page.locator("#probes")).to_contain_text("operator:admin", timeout=10000)


def test_an_order_expires_by_itself_in_front_of_the_operator(stack, page, circuit):
    stack.sign_in(page)
    order = {"state": "FORCED_OPEN", "reason": "a short drill", "expires_in_s": 4}
    assert circuit.api("PUT", f"breakers/{circuit.slug}/override", order) in (200, 201)
    page.goto(circuit.page)
    expect(page.locator(".circuit-head")).to_contain_text("FORCED_OPEN")
    expect(page.locator("#steer .order")).to_contain_text("a short drill; ends in")
    assert circuit.get() == 503
    expect(page.locator(".circuit-head .state")).to_have_text(re.compile(r"CLOSED$"), timeout=10000)
    assert circuit.get() == 200


def test_of_two_operators_at_once_the_second_is_told_and_keeps_what_was_typed(stack, page, circuit):
    stack.sign_in(page)
    page.goto(circuit.page)
    page.get_by_label("Disable").check()
    page.get_by_label("Reason").fill("counting is wrong")
    first = {"state": "FORCED_OPEN", "reason": "provider maintenance", "expires_in_s": 900}
    assert circuit.api("PUT", f"breakers/{circuit.slug}/override", first) in (200, 201)

    expect(page.locator("#steer .order")).to_contain_text("provider maintenance", timeout=10000)
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("alert")).to_contain_text("acted first: FORCED_OPEN, because “provider maintenance”")
    page.wait_for_timeout(3000)  # a live update later, it is still there
    expect(page.get_by_role("alert")).to_contain_text("acted first")
    expect(page.get_by_label("Reason")).to_have_value("counting is wrong")
    assert circuit.get() == 503

    # Having read it, the operator may insist.
    page.get_by_role("button", name="Do it").click()
    expect(page.locator("#confirmation")).to_contain_text(CONFIRMED, timeout=10000)
    expect(page.locator(".circuit-head")).to_contain_text("DISABLED", timeout=10000)


def test_everything_works_without_javascript(stack, browser, circuit):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    stack.sign_in(page)
    page.goto(circuit.page)
    give_order(page, "Force open", "no script here")
    deadline = time.monotonic() + 6
    while not CONFIRMED.search(page.locator("#confirmation").inner_text()) and time.monotonic() < deadline:
        page.reload()
    expect(page.locator("#confirmation")).to_contain_text(CONFIRMED)
    expect(page.locator(".circuit-head")).to_contain_text("FORCED_OPEN")
    assert circuit.get() == 503
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".circuit-head .state")).to_have_text(re.compile(r"CLOSED$"))
    page.get_by_role("button", name="Probe now").click()
    expect(page.locator("main")).to_contain_text("The probe passed (status 200)")
    context.close()


def test_nothing_scrolls_sideways_on_a_phone(stack, browser, circuit):
    order = {"state": "FORCED_OPEN", "reason": "x" * 120, "expires_in_s": 900}
    circuit.api("PUT", f"breakers/{circuit.slug}/override", order)
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    stack.sign_in(page)
    for path in ("/", f"/circuits/{circuit.slug}/", "/journeys/", f"/journeys/{circuit.slug}/", "/routes/"):
        page.goto(stack.control + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    context.close()


def test_an_expired_login_keeps_the_form_as_it_was_filled_in(stack, page, circuit):
    stack.sign_in(page)
    page.goto(circuit.page)
    page.get_by_label("Force open").check()
    page.get_by_label("Reason").fill("written before the session ended")
    page.get_by_role("combobox", name="For").select_option("3600")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Do it").click()
    page.wait_for_url("**/login/**")
    fill_in_login(page, stack)
    page.wait_for_timeout(3000)  # a live update later, it is still there
    expect(page.get_by_label("Force open")).to_be_checked()
    expect(page.get_by_label("Reason")).to_have_value("written before the session ended")
    expect(page.get_by_role("combobox", name="For")).to_have_value("3600")
    expect(page.locator("#steer")).to_contain_text("nothing was sent")
    assert circuit.get() == 200


def test_live_updates_take_neither_focus_nor_what_is_being_typed(stack, page, circuit):
    stack.sign_in(page)
    link = page.locator(f"#circuit-{circuit.slug} a").first
    link.focus()
    page.locator("#workers summary").click()
    link.focus()
    stamp = page.locator("#workers").inner_text()
    circuit.get()
    expect(page.locator("#workers")).not_to_have_text(stamp, timeout=12000)
    expect(link).to_be_focused()
    expect(page.locator("#workers table")).to_be_visible()

    page.goto(circuit.page)
    page.get_by_label("Reason").fill("half a sent")
    circuit.get()
    expect(page.locator(".figures")).not_to_contain_text("no data", timeout=12000)
    expect(page.get_by_label("Reason")).to_have_value("half a sent")
    expect(page.get_by_label("Reason")).to_be_focused()


def test_the_page_says_since_when_it_is_stale(stack, page, circuit):
    stack.sign_in(page)
    page.context.set_offline(True)
    expect(page.locator("#stale")).to_contain_text("Stale since", timeout=12000)
    page.context.set_offline(False)
    expect(page.locator("#stale")).to_be_hidden(timeout=12000)
    page.context.clear_cookies(name="sessionid")
    expect(page.locator("#stale")).to_contain_text("Log in again", timeout=12000)
    # Logging in beside the page brings it back to life, forms included.
    with page.context.expect_page() as beside:
        page.get_by_role("link", name="Log in again").click()
    fill_in_login(beside.value, stack)
    expect(page.locator("#stale")).to_be_hidden(timeout=12000)


def test_the_filter_is_live_and_stays_in_the_address(stack, page, circuit):
    stack.sign_in(page)
    page.get_by_label("Search circuits").fill("no such circuit anywhere")
    expect(page.locator("#circuits")).to_contain_text("No circuit fits this filter", timeout=10000)
    page.get_by_label("Search circuits").fill(circuit.title)
    expect(page.locator(f"#circuit-{circuit.slug}")).to_be_visible(timeout=10000)
    page.reload()
    expect(page.get_by_label("Search circuits")).to_have_value(circuit.title)
    expect(page.locator("tr.circuit")).to_have_count(1)


def test_an_operator_raises_the_delay_flag_and_lets_it_go(stack, page, circuit):
    stack.sign_in(page)
    page.goto(f"{stack.control}/journeys/{circuit.slug}/")
    expect(page.locator(".circuit-head")).to_contain_text("on time")
    page.get_by_label("Message to customers").fill("The bank is slow today.")
    page.get_by_label("Reason").fill("call from the bank")
    page.get_by_role("button", name="Say so").click()
    expect(page.locator("#banner")).to_contain_text("The bank is slow today.", timeout=10000)
    page.get_by_role("button", name="Back to automatic").click()
    expect(page.locator(".circuit-head")).to_contain_text("on time", timeout=10000)


def test_a_route_is_moved_in_one_click_and_back(stack, page, circuit):
    stack.sign_in(page)
    page.goto(f"{stack.control}/routes/")
    row = page.locator(f"#route-{circuit.slug}")
    row.get_by_placeholder("Reason").fill("drill")
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("disabled")
    page.wait_for_timeout(1200)
    assert circuit.get() == 404
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("button", name="Disable")).to_be_visible()
    page.wait_for_timeout(1200)
    assert circuit.get() == 200


def test_control_tells_the_same_delay_as_the_front_door(stack, circuit):
    order = {"state": "FORCED_OPEN", "reason": "drill", "expires_in_s": 60}
    assert circuit.api("PUT", f"breakers/{circuit.slug}/override", order) in (200, 201)
    time.sleep(1.2)
    control = stack.ask(stack.control, "GET", f"/processing-delay/{circuit.slug}", None, {})
    door = stack.call("GET", f"/-/processing-delay/{circuit.slug}")
    assert control.status == door.status == 200
    assert control.json()["delayed"] is True
    assert control.headers["ETag"] == door.headers["ETag"]
    again = {"If-None-Match": control.headers["ETag"]}
    assert stack.ask(stack.control, "GET", f"/processing-delay/{circuit.slug}", None, again).status == 304
    assert stack.ask(stack.control, "GET", "/processing-delay/nobody", None, {}).status == 404
    preflight = stack.ask(stack.control, "OPTIONS", "/processing-delay", None, {"Origin": "https://shop.example"})
    assert "If-None-Match" in preflight.headers["Access-Control-Allow-Headers"]
