"""Compositions on the whole product: run by hand, with targets forced to look bad, and behind their routes."""

import pytest

from tests.servers.processes import wait_until
from tests.servers.stack import Stack

PAGE = "/pages/search?q=ice"


@pytest.fixture(scope="module")
def site(demo_stack: Stack) -> Stack:
    wait_until(lambda: demo_stack.call("GET", PAGE).headers.get("X-Completed") == "true", 20, "the page is whole")
    return demo_stack


def run(site: Stack, slug: str, **body) -> dict:
    answer = site.api("POST", f"compositions/{slug}/runs", body)
    assert answer.status == 200, answer.body
    return answer.json()


def test_one_circuit_breaker_workflow_serves_two_targets(site: Stack) -> None:
    page = site.call("GET", PAGE).json()
    assert (page["hits"]["status"], page["newest"]["status"]) == (200, 200)
    assert page["hits"]["breaker"] == "CLOSED"


def test_a_run_by_hand_shows_each_state_and_whom_it_met(site: Stack) -> None:
    told = run(site, "lead-story", input={"path_parameters": {"section": "Earth"}})
    assert (told["status"], told["complete"]) == ("SUCCEEDED", True)
    assert [step["state"] for step in told["trace"]] == ["Stories of the section", "Is there one?", "Full text"]
    assert [met["target"] for step in told["trace"] for met in step["met"]] == ["articles", "content"]
    assert told["trace"][0]["path"] == "/States/Stories of the section"


def test_a_forced_target_looks_bad_to_one_run_and_to_nobody_else(site: Stack) -> None:
    value = {"path_parameters": {"id": "sea-ice-sound"}, "query": {}}
    told = run(site, "article-page", input=value, forced={"content": "failing"})
    assert (told["status"], told["complete"], told["output"]["full_text"]) == ("SUCCEEDED", False, None)
    assert {met["target"]: met["forced"] for met in told["met"]}["content"] == "failing"
    assert site.api("GET", "breakers/content").json()["effective_state"] == "CLOSED"
    refused = site.api("POST", "compositions/article-page/runs", {"input": value, "forced": {"nobody": "open"}})
    assert (refused.status, refused.json()["problems"][0]["path"]) == (400, "forced.nobody")
    refused = site.api("POST", "compositions/article-page/runs", {"input": value, "forced": {"content": "tired"}})
    assert refused.status == 400


def test_a_durable_composition_is_started_instead(site: Stack) -> None:
    answer = site.api("POST", "compositions/premium-onboarding/runs", {"input": {"email": "ann@example.com"}})
    assert (answer.status, bool(answer.json()["execution"])) == (202, True)
    assert site.api("POST", "compositions/nobody/runs", {}).status == 404
