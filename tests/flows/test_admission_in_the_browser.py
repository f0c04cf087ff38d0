"""What an admin does about admission in a browser, and what it does to traffic; and a visitor who is challenged."""

import os
import shutil
import subprocess

import pytest
from playwright.sync_api import expect

from .admission_traffic import Estate, eventually, kind

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Hand:
    """Counts what a person does to a page."""

    def __init__(self, page):
        self.page, self.acts = page, 0

    def click(self, role, name):
        self.acts += 1
        self.page.get_by_role(role, name=name, exact=True).click()

    def fill(self, label, text):
        self.acts += 1
        self.page.get_by_label(label, exact=True).fill(text)


def test_from_blank_to_a_working_key_in_a_few_acts(signed_in_page, stack, downstream):
    """A target and a route are there; consumer, plan and key are made in one form, tried, and used as it says."""
    page, hand = signed_in_page, Hand(signed_in_page)
    estate = Estate(stack, downstream, "shelf")
    estate.route("shelf", "/shelf/{item}", api_key_required=True)
    estate.ready()
    downstream.behave("/shelf/1", json={"title": "A book"})

    page.goto(f"{stack.control}/consumers/")
    hand.click("button", "New consumer and key")
    hand.fill("Name of the consumer", "Corner Books")
    hand.click("radio", "A new plan")
    hand.fill("Name of the plan", "Shelf readers")
    hand.click("button", "Make the key")
    expect(page.get_by_role("heading", name="The key of Corner Books")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    assert secret.startswith("sgk_")
    expect(page.locator("body")).to_contain_text("Keys identify; they do not authenticate")
    if page.get_by_label("Path").input_value() != "/shelf/1":  # other stories have made routes that need a key
        page.get_by_label("Route").select_option("main/shelf")
    hand.click("button", "Try it")
    expect(page.locator("#tried")).to_contain_text("✓ 200")
    expect(page.locator("#tried")).to_contain_text("A book")
    expect(page.locator("#tried")).to_contain_text("shelf-readers")
    assert hand.acts <= 6

    line = page.locator("#curl").inner_text()
    assert stack.frontdoor in line
    if shutil.which("curl") or os.environ.get("CI"):
        said = subprocess.run(
            ["bash", "-c", f"{line} --silent"], capture_output=True, text=True, timeout=20, check=True
        )
        assert said.stdout.startswith("HTTP/1.1 200")
        assert "A book" in said.stdout
    assert stack.call("GET", "/shelf/1").status == 401
    page.get_by_role("button", name="I have kept it: to the key's page").click()
    expect(page.locator(".state-line")).to_contain_text("works")
    assert secret not in page.content()


def test_a_capacity_warning_is_seen_before_saving_and_corrected(signed_in_page, stack, downstream):
    page = signed_in_page
    estate = Estate(stack, downstream, "paying")
    contract = {"base_url": downstream.url, "contracts": [{"limit": 120, "period_s": 1}]}
    estate.put("targets/paying", contract)
    estate.put("stages/paying", {"base_path": "/paying"})
    estate.route("paying", "/pay", "POST", stages=["paying"], api_key_required=True)

    page.goto(f"{stack.control}/plans/-/new/")
    page.locator("[name=slug]").fill("payers")
    page.locator("[name=title]").fill("Payers")
    page.locator("[name=rate]").fill("300")
    page.locator("[name=burst]").fill("20")
    page.get_by_role("checkbox", name="Main", exact=True).uncheck()
    page.get_by_role("checkbox", name="paying", exact=True).check()
    page.get_by_role("button", name="Preview the change").last.click()
    expect(page.get_by_role("heading", name="Make plan payers?")).to_be_visible()
    findings = page.locator("section", has=page.locator("#capacity-title"))
    expect(findings).to_contain_text("This would newly not fit")
    expect(findings).to_contain_text("Payers 300/s, contract of paying allows 120/s")
    assert stack.api("GET", "usage-plans/payers").status == 404

    page.get_by_role("button", name="Back to the form").click()
    expect(page.locator("[name=rate]")).to_have_value("300")
    page.locator("[name=rate]").fill("100")
    page.get_by_role("button", name="Preview the change").last.click()
    expect(findings).not_to_contain_text("contract of paying")
    page.get_by_label("Reason").fill("as agreed with the bank")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Payers", level=1)).to_be_visible()
    saved = stack.api("GET", "usage-plans/payers").json()
    assert (saved["rate"], saved["burst"], saved["stages"]) == (100, 20, ["paying"])
    page.goto(f"{stack.control}/capacity/")
    expect(page.locator("main")).not_to_contain_text("contract of paying")


def test_a_key_is_rotated_handed_over_and_the_old_one_ended(signed_in_page, stack, downstream):
    page = signed_in_page
    estate = Estate(stack, downstream, "turning")
    estate.route("turning", "/turning", api_key_required=True)
    estate.plan("turning")
    old = estate.key("turning", "turning")
    estate.ready()
    page.goto(f"{stack.control}/keys/{old.id}/")
    page.get_by_text("Rotate…").click()
    page.locator("#rotate-reason").fill("as every quarter")
    page.get_by_role("button", name="Rotate", exact=True).click()
    expect(page.get_by_role("heading", name="The successor of")).to_be_visible()
    new = page.locator("#secret").inner_text()
    assert new != old.secret
    eventually(lambda: estate.ask("/turning", X_API_Key=new).status == 200, "the successor works")
    assert estate.ask("/turning", old).status == 200

    page.goto(f"{stack.control}/keys/{old.id}/")
    expect(page.locator(".state-line")).to_contain_text("rotated, still works")
    page.get_by_text("Revoke now…").click()
    page.locator("#revoke-reason").fill("everybody has changed over")
    page.get_by_label("Refuse this key from now on").check()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.locator(".state-line")).to_contain_text("revoked")
    eventually(lambda: kind_of(estate.ask("/turning", old)) == "api-key-revoked", "the old one is refused")
    assert estate.ask("/turning", X_API_Key=new).status == 200
    page.get_by_role("link", name="Who did what").click()
    for reason in ("as every quarter", "everybody has changed over"):
        expect(page.locator("main")).to_contain_text(reason)


def kind_of(answer):
    return kind(answer) if answer.status >= 400 else ""


def test_a_visitor_passes_a_challenge_at_the_front_door(page, stack, downstream):
    """The page asks for a proof of work, and leads on to where the visitor wanted to go; a program is told where to."""
    estate = Estate(stack, downstream, "proof")
    estate.put("stages/proof", {"base_path": "/proof"})
    estate.route("proof", "/shop", stages=["proof"])
    rule = {"stage": "proof", "action": "challenge", "statement": {"path": {"starts": "/proof/shop"}}}
    estate.put("request-rules/proof", rule)
    estate.ready()
    shop = b"<!doctype html><title>Shop</title><h1>Welcome in</h1>"
    downstream.behave("/shop", body=shop, headers={"Content-Type": "text/html"})

    program = estate.ask("/proof/shop")
    assert (program.status, kind(program)) == (403, "challenge-required")
    assert program.json()["challenge"].startswith("/-/challenge?")

    first = page.goto(f"{stack.frontdoor}/proof/shop?page=2")
    assert (first.status, page.title()) == (403, "Checking your browser")
    assert downstream.requests == []
    page.get_by_role("checkbox", name="Check my browser").click()
    page.get_by_role("heading", name="Welcome in").wait_for(timeout=60_000)
    assert page.url == f"{stack.frontdoor}/proof/shop?page=2"
    assert downstream.requests[0].target == "/shop?page=2"
    assert page.goto(f"{stack.frontdoor}/proof/shop").status == 200, "the pass holds"
    assert not any("switchgear-pass" in request.headers.get("cookie", "") for request in downstream.requests)
    assert estate.ask("/proof/shop").status == 403, "and nobody else has it"
