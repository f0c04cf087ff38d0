"""A request rule in a real browser, on real traffic: it counts first, shows whom it would meet, and then blocks."""

import re

import pytest
from playwright.sync_api import expect

from .journey_of_a_target import Guarded

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AGENT = {"User-Agent": "scraper/7"}


def test_a_rule_from_count_to_block(stack, page, downstream):
    guarded = Guarded(stack, downstream, "scraped")
    stack.sign_in(page, "/rules/")

    # A counting rule, made by hand: everything below /scraped/ that a scraper asks for.
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Slug").fill("no-scrapers")
    page.get_by_label("Title").fill("No scrapers")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Field (condition 1)").select_option("path")
    page.get_by_label("Compared (condition 1)").select_option("starts")
    page.get_by_label("With (condition 1)").fill("/scraped/")
    page.get_by_role("button", name="And …").click()
    page.get_by_label("Field (condition 2)").select_option("header")
    page.get_by_label("Name (condition 2)").fill("User-Agent")
    page.get_by_label("Compared (condition 2)").select_option("contains")
    page.get_by_label("With (condition 2)").fill("SCRAPER")
    page.get_by_label("Any case (condition 2)").check()
    expect(page.get_by_label("count: record")).to_be_checked()

    # It can be tried before it is saved.
    page.get_by_text("Describe or paste a request").click()
    page.get_by_label("Headers", exact=True).fill("GET /scraped/article HTTP/1.1\nUser-Agent: Scraper/7")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator(".tried")).to_contain_text("acts: counted")
    expect(page.get_by_label("With (condition 2)")).to_have_value("SCRAPER")

    page.get_by_role("button", name="Preview the change").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Make rule no-scrapers?")
    page.get_by_label("Reason").fill("somebody copies our articles")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#would")).to_contain_text("nothing of the last hour would have been refused")
    guarded.eventually(lambda: guarded.applied("config"), "both workers know the rule")

    # Everything passes; the page shows what would not have.
    for _ in range(7):
        assert stack.call("GET", "/scraped/article", headers=AGENT).status == 200
    assert guarded.get().status == 200
    told = "If this rule blocked now: 7 requests of 1 client in the last hour would have been refused."
    expect(page.locator("#would")).to_contain_text(told, timeout=15000)
    expect(page.locator("#would")).to_contain_text("127.0.0.1 (7)")
    expect(page.locator("#samples")).to_contain_text("GET /scraped/article")

    page.get_by_role("button", name="Switch to block", exact=True).click()
    expect(page.locator("main")).to_contain_text(told)
    page.get_by_label("Reason").fill("only scrapers would be met")
    page.get_by_label("I have read it").check()
    page.get_by_role("button", name="Switch to block").click()
    expect(page.locator(".circuit-head")).to_contain_text("blocks")

    def refused():
        return stack.call("GET", "/scraped/article", headers=AGENT).status == 403

    guarded.eventually(refused, "the scraper is refused")
    guarded.eventually(lambda: guarded.applied("config"), "both workers refuse")
    assert all(refused() for _ in range(6))
    problem = stack.call("GET", "/scraped/article", headers=AGENT).json()
    assert problem["status"] == 403
    assert guarded.get().status == 200
    expect(page.locator("#did .figures")).to_contain_text(re.compile(r"Blocked, last 24 h\s*[1-9]"), timeout=15000)
    expect(page.locator("#samples")).to_contain_text("blocked")

    # And back.
    page.get_by_role("button", name="Back to counting").click()
    page.get_by_label("Reason").fill("the drill is over")
    page.get_by_label("I have read it").check()
    page.get_by_role("button", name="Back to counting").click()
    expect(page.locator(".circuit-head")).to_contain_text("counts only")
    guarded.eventually(lambda: not refused(), "the scraper passes again")


def test_the_rules_work_without_javascript_and_on_a_phone(stack, browser):
    document = {"title": "Quiet", "statement": {"path": {"starts": "/nowhere-at-all"}}, "priority": 900}
    assert stack.api("PUT", "request-rules/quiet", document).status in (200, 201)
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    stack.sign_in(page, "/rules/")
    row = page.locator("#rule-quiet")
    row.get_by_text("Change…").click()
    row.get_by_label("Reason").fill("not needed today")
    row.get_by_role("button", name="Switch off").click()
    expect(page.locator("#rule-quiet")).to_contain_text("switched off")
    page.goto(f"{stack.control}/rules/quiet/change/")
    page.get_by_role("button", name="And …").click()
    page.get_by_label("Field (condition 2)").select_option("method")
    page.get_by_label("With (condition 2)").fill("PUT\nDELETE")
    page.get_by_role("button", name="Or …").click()
    page.get_by_role("button", name="Remove condition 3").click()
    page.get_by_role("button", name="Preview the change").last.click()
    expect(page.locator("main")).to_contain_text("path starts with /nowhere-at-all and method is PUT or DELETE")
    for path in ("", "-/new/?begin=network", "-/test/", "quiet/", "quiet/change/", "quiet/switch/block/"):
        page.goto(f"{stack.control}/rules/{path}")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
    context.close()
