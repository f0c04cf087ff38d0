"""A composition from the first letter to a partial answer: written, mended, tried, routed, seen with a target away."""

import json
import re

import pytest
from playwright.sync_api import expect

from .admission_traffic import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HTTP = "arn:aws:states:::http:invoke"


def asking(target, path, **fields):
    arguments = {"ApiEndpoint": f"target://{target}/{path}", "Method": "GET"}
    body = "{% $states.result.ResponseBody %}"
    return {"Type": "Task", "Resource": HTTP, "Arguments": arguments, "Output": body, "End": True, **fields}


def definition(catch="Do without"):
    """A book, and a bonus that it can do without."""
    bonus = asking("story-bonus", "bonus", Catch=[{"ErrorEquals": ["States.ALL"], "Output": None, "Next": catch}])
    branches = [
        {"StartAt": "Get book", "States": {"Get book": asking("story-shelf", "book")}},
        {"StartAt": "Get bonus", "States": {"Get bonus": bonus, "Do without": {"Type": "Pass", "End": True}}},
    ]
    output = "{% {'book': $states.result[0], 'bonus': $states.result[1]} %}"
    gather = {"Type": "Parallel", "Branches": branches, "Output": output, "End": True}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Gather", "States": {"Gather": gather}}, indent=2)


@pytest.fixture
def shelf(stack, downstream):
    """Two targets, and a route that goes to the first of them; what was ordered is taken back at the end."""
    downstream.behave("/book", json={"title": "A book"})
    downstream.behave("/bonus", json={"points": 7})
    for slug in ("story-shelf", "story-bonus"):
        target = {"base_url": downstream.url, "cache": {"write_through": False}}  # nothing that could stand in
        assert stack.api("PUT", f"targets/{slug}", target).status in (200, 201)
    route = {"path": "/story/book", "integration": {"type": "target", "target": "story-shelf", "path": "/book"}}
    assert stack.api("PUT", "routes/story-book", route).status in (200, 201)
    yield
    stack.api("DELETE", "breakers/story-bonus/override", {"reason": "the story is over"})


@pytest.fixture
def complaints(signed_in_page):
    """What the policy of the pages forbids, and what their scripts stumble over."""
    found = []
    signed_in_page.on("console", lambda message: found.append(message.text) if "Policy" in message.text else None)
    signed_in_page.on("pageerror", lambda error: found.append(str(error)))
    return found


def answered(stack, complete):
    """An answer of the route whose X-Completed is so, else None."""
    answer = stack.call("GET", "/story/book")
    return answer if answer.headers["X-Completed"] == complete else None


def write(page, text):
    page.locator(".editor .cm-content").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)


def test_a_composition_is_written_mended_tried_routed_and_answers_in_part(
    signed_in_page, stack, downstream, shelf, complaints
):
    page = signed_in_page
    page.goto(f"{stack.control}/compositions/")
    page.get_by_role("button", name="New composition").click()
    page.locator("[name=slug]").fill("story-page")
    page.locator("[name=title]").fill("Book page")

    # A problem is told at its line while one types; its link leads there.
    wrong = definition(catch="Nowhere")
    line = next(number for number, each in enumerate(wrong.splitlines(), 1) if "Nowhere" in each)
    write(page, wrong)
    expect(page.locator(".check-verdict")).to_contain_text("to mend before it can be saved")
    problem = page.locator(f"#checked li[data-line='{line}']")
    expect(problem).to_contain_text("Nowhere")
    problem.get_by_role("link").click()
    expect(page.locator(".editor .cm-activeLine")).to_contain_text("Nowhere")
    expect(page.locator(".editor .cm-lint-marker-error")).not_to_have_count(0)

    # Mended, it is judged again, and drawn.
    write(page, definition())
    expect(page.locator(".check-verdict")).to_contain_text("It can be saved")
    expect(page.locator("#checked svg.machine a.state")).to_have_count(4)
    # Tried before it is saved, and back in the form with everything that was typed.
    page.get_by_role("button", name="Try it first").click()
    page.get_by_role("button", name="Run it").click()
    expect(page.locator("#result .said")).to_contain_text("complete")
    assert stack.api("GET", "compositions/story-page").status == 404
    page.get_by_role("button", name="Back to the form").click()
    expect(page.locator("[name=title]")).to_have_value("Book page")

    page.get_by_role("button", name="Preview the change").last.click()
    expect(page.get_by_role("heading", name="Make composition story-page?")).to_be_visible()
    page.get_by_label("Reason").fill("the app wants one answer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Book page", level=1)).to_be_visible()
    assert stack.api("GET", "compositions/story-page?as=text").json()["definition"] == definition()

    # Tried as it is, it is complete; without one target it is partial, and the diagram shows the way round.
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("button", name="Run it").click()
    expect(page.locator("#result .said")).to_contain_text("complete")
    expect(page.locator("#result pre").first).to_contain_text('"points": 7')
    page.get_by_label("How story-bonus looks").select_option("open")
    page.get_by_role("button", name="Run it").click()
    expect(page.locator("#result .said")).to_contain_text("X-Completed: false")
    expect(page.locator("a.state.is-caught")).to_have_attribute("aria-label", re.compile("^Get bonus: .*caught"))
    expect(page.locator("a.state.is-not_reached")).to_have_count(0)
    page.locator("a.state.is-caught").click()
    expect(page.locator(".visit:target")).to_contain_text("Breaker.Open")
    page.reload()
    expect(page.get_by_label("How story-bonus looks")).to_have_value("open")
    assert stack.api("GET", "breakers/story-bonus").json()["effective_state"] == "CLOSED"

    # The route goes there from now on.
    page.goto(f"{stack.control}/routes/")
    row = page.locator("#route-story-book")
    row.locator("select[name=target]").select_option("composition:story-page")
    row.get_by_label("Reason for changing story-book").fill("one answer for the app")
    row.get_by_role("button", name="Move").click()
    whole = eventually(lambda: answered(stack, "true"), "the route answers with the composition")
    assert whole.json() == {"book": {"title": "A book"}, "bonus": {"points": 7}}

    # A target goes away: the answer lacks a part and says so, and the pages show what happened.
    order = {"state": "FORCED_OPEN", "reason": "story", "expires_in_s": 600}
    assert stack.api("PUT", "breakers/story-bonus/override", order).status == 200
    part = eventually(lambda: answered(stack, "false"), "the answer lacks a part")
    assert part.json() == {"book": {"title": "A book"}, "bonus": None}
    page.goto(f"{stack.control}/compositions/story-page/")
    expect(page.locator("#target-story-bonus")).to_contain_text("FORCED_OPEN")
    expect(page.locator("#target-story-bonus")).to_contain_text("a partial answer")
    kept = page.locator(".run-rows tr", has_text="partial").first
    expect(kept).to_be_visible(timeout=20_000)
    kept.get_by_role("link").click()
    expect(page.locator("#calls")).to_contain_text("Breaker.Open")
    page.locator("#calls").get_by_role("link", name="story-bonus").first.click()
    expect(page.locator(".state-line")).to_contain_text("FORCED_OPEN")
    assert complaints == []


def test_without_a_script_a_text_is_checked_by_a_button_and_saved(signed_in_page, stack, shelf):
    state = signed_in_page.context.storage_state()
    context = signed_in_page.context.browser.new_context(java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto(f"{stack.control}/compositions/-/new/")
    page.locator("[name=slug]").fill("story-plain")
    page.locator("textarea[name=definition]").fill(definition(catch="Nowhere"))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#checked")).to_contain_text("to mend before it can be saved")
    expect(page.locator("#checked .place").first).to_contain_text("line")
    page.locator("textarea[name=definition]").fill(definition())
    page.get_by_role("button", name="Preview the change").last.click()
    page.get_by_label("Reason").fill("no script here")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A new composition")
    assert stack.api("GET", "compositions/story-plain?as=text").json()["definition"] == definition()
    context.close()
