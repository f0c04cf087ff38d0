"""The practice range's compositions on the whole product: routes that call several services, whole and in part."""

from typing import Any

import pytest

from compositions.practice_range.workflows import LEGACY_PAYLOAD
from tests.servers.processes import wait_until
from tests.servers.stack import Stack

OLD = "/legacy/search"
PAGE = "/pages/articles/sea-ice-sound?reader=ann"


@pytest.fixture(scope="module")
def site(demo_stack: Stack) -> Stack:
    wait_until(lambda: demo_stack.call("GET", PAGE).headers.get("X-Completed") == "true", 60, "the page is whole")
    wait_until(lambda: demo_stack.call("POST", OLD, LEGACY_PAYLOAD).status == 200, 60, "the old search answers")
    return demo_stack


def test_a_page_of_three_services_is_whole_and_comes_without_the_one_that_is_open(site: Stack) -> None:
    whole = site.call("GET", PAGE)
    assert (whole.headers["X-Completed"], whole.json()["article"]["id"]) == ("true", "sea-ice-sound")
    assert whole.json()["full_text"]
    assert isinstance(whole.json()["points"], int)
    assert whole.json()["_meta"]
    order = {"state": "FORCED_OPEN", "reason": "a lesson", "expires_in_s": 60}
    assert site.api("PUT", "breakers/content/override", order).status == 200
    try:
        wait_until(lambda: site.call("GET", PAGE).headers["X-Cache"] == "STALE", 20, "the circuit is open")
        kept = site.call("GET", PAGE)
        assert (kept.headers["X-Completed"], kept.json()["full_text"]) == ("true", whole.json()["full_text"])
        assert site.api("POST", "cache/purge", {"target": "content", "reason": "a lesson"}).status == 200
        part = site.call("GET", PAGE)
        assert (part.status, part.headers["X-Completed"]) == (200, "false")
        assert (part.json()["full_text"], part.json()["article"]) == (None, whole.json()["article"])
    finally:
        site.api("DELETE", "breakers/content/override", {"reason": "done"})
    wait_until(lambda: site.call("GET", PAGE).headers["X-Completed"] == "true", 20, "the page is whole again")


def test_a_story_is_found_in_two_steps(site: Stack) -> None:
    found = site.call("GET", "/pages/sections/Earth").json()
    assert (found["section"], bool(found["text"])) == ("Earth", True)
    assert site.call("GET", "/pages/sections/Gardening").json() == {"stories": 0, "text": None}


def test_clients_of_the_old_search_are_answered_by_the_new_one(site: Stack) -> None:
    asked = site.call("POST", OLD, LEGACY_PAYLOAD)
    assert asked.status == 200, asked.body
    answer = asked.json()["SearchResponse"]
    assert (answer["Status"], answer["HitCount"], answer["Hits"][0]["DocId"]) == ("OK", 1, "sea-ice-sound")
    # Control has slots of the contract a moment after it first asks for them.
    wait_until(lambda: both_sides(site)["status"] == "SUCCEEDED", 20, "control may call")
    sides = both_sides(site)
    assert sides["calls"][0]["arguments"]["QueryParameters"] == {"q": "ice"}
    assert sides["calls"][0]["result"]["ResponseBody"]["served_by"] == "search"
    assert sides["output"] == {"SearchResponse": answer}


def both_sides(site: Stack) -> Any:
    return site.api("POST", "compositions/legacy-search/translate", {"payload": LEGACY_PAYLOAD}).json()


def test_what_a_composition_calls_is_known_to_impact(site: Stack) -> None:
    refused = site.api("DELETE", "targets/content")
    assert refused.status == 409
    users = {(user["kind"], user["slug"]) for user in refused.json()["used_by"]}
    assert users >= {("composition", "article-page"), ("route", "article-page"), ("route", "lead-story")}
