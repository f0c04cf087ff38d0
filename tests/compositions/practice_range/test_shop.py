"""The demo site takes every fact from the front door, and tells readers plainly what it could not get."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from .equipment import PracticeRange, Reply, StandIn

STORY = {"id": "a-b", "title": "Ice & fire <b>", "section": "Earth", "minutes": 3, "summary": "S", "premium": False}


def test_stories_come_through_the_front_door_and_are_escaped(practice: PracticeRange, frontdoor: StandIn) -> None:
    frontdoor.on("GET /articles", 200, {"articles": [STORY], "served_by": "articles"}, X_Cache="LIVE")
    page = practice.control("GET", "/shop").text
    assert "Ice &amp; fire &lt;b&gt;" in page
    assert "Answered by articles · live" in page
    assert [asked["path"] for asked in frontdoor.asked] == ["/articles"]


def test_the_banner_script_is_the_front_doors_own(practice: PracticeRange, frontdoor: StandIn) -> None:
    page = practice.control("GET", "/shop").text
    assert f'<script src="{frontdoor.url}/-/delay-banner.js?journey=subscribing&amp;intent=" defer></script>' in page


def test_a_stale_answer_is_shown_with_its_age(practice: PracticeRange, frontdoor: StandIn) -> None:
    frontdoor.on("GET /articles", 200, {"articles": [STORY], "served_by": "articles"}, X_Cache="STALE", Age="125")
    page = practice.control("GET", "/shop").text
    assert "because the service is not callable now" in page
    assert "125 s old" in page


def test_a_refusal_is_told_with_when_to_try_again_and_the_rest_stays(
    practice: PracticeRange, frontdoor: StandIn
) -> None:
    frontdoor.on("GET /articles", 503, {"title": "refused"}, Retry_After="7")
    page = practice.control("GET", "/shop").text
    assert "not available right now. Please try again in 7 s." in page
    assert "Read everything" in page


def test_search_says_which_search_answered(practice: PracticeRange, frontdoor: StandIn) -> None:
    for served_by, words in (("monolith", "the old search"), ("search", "the new search")):
        frontdoor.on("GET /search", 200, {"results": [STORY], "total": 1, "served_by": served_by})
        page = practice.control("GET", "/shop/search?q=ice+%3Cscript%3E").text
        assert words in page
        assert "<script>" not in page
    assert frontdoor.asked[-1]["target"] == "/search?q=ice+%3Cscript%3E"


def test_a_story_that_does_not_exist_is_404(practice: PracticeRange, frontdoor: StandIn) -> None:
    frontdoor.on("GET /articles/nope", 404, {"title": "Not Found"})
    assert practice.control("GET", "/shop/articles/nope").status == 404


def _subscribe(practice: PracticeRange, key: str, email: str = "ann@example.org") -> Reply:
    return practice.control("POST", "/shop/subscribe", urlencode({"email": email, "key": key}))


def _key(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f-]{36})"', page)
    assert found
    return found[1]


def test_pressing_subscribe_twice_sends_the_same_key(practice: PracticeRange, frontdoor: StandIn) -> None:
    key = _key(practice.control("GET", "/shop/subscribe").text)
    frontdoor.on("POST /onboarding", 201, {"status": "paid", "served_by": "payment"})
    assert "Welcome!" in _subscribe(practice, key).text
    _subscribe(practice, key)
    sent = [asked for asked in frontdoor.asked if asked["method"] == "POST"]
    assert [asked["headers"]["idempotency-key"] for asked in sent] == [key, key]
    assert json.loads(sent[0]["body"])["customer"] == "ann@example.org"


@pytest.mark.parametrize(
    ("status", "words", "may_try_again"),
    [
        (202, "Please do not send it again", False),
        (402, "declined", False),
        (503, "Nothing has been charged", True),
        (504, "can never charge you twice", True),
        (500, "can never charge you twice", True),
    ],
)
def test_each_end_of_a_payment_has_its_own_honest_words(
    practice: PracticeRange, frontdoor: StandIn, status: int, words: str, may_try_again: bool
) -> None:
    key = "11111111-2222-4333-8444-555555555555"
    frontdoor.on("POST /onboarding", status, {"title": "x"})
    page = _subscribe(practice, key).text
    assert words in page
    assert ("<form method" in page) is may_try_again
    if may_try_again:
        assert _key(page) == key


def test_nonsense_in_the_form_is_not_sent_on(practice: PracticeRange, frontdoor: StandIn) -> None:
    assert _subscribe(practice, "11111111-2222-4333-8444-555555555555", "nobody").status == 400
    assert _subscribe(practice, "mine").status == 400
    assert frontdoor.asked == []


def test_what_was_received_can_be_followed_to_its_end(practice: PracticeRange, frontdoor: StandIn) -> None:
    frontdoor.on("POST /onboarding", 202, {"id": "int-7", "status": "ACCEPTED", "status_url": "/-/intents/int-7"})
    page = _subscribe(practice, "11111111-2222-4333-8444-555555555555").text
    assert "&amp;intent=int-7" in page, "so that the banner speaks of it"
    assert 'href="/shop/subscriptions/int-7"' in page
    for status, words in (("RUNNING", "Please do not send it again"), ("PARTIAL", "follow by hand")):
        frontdoor.on("GET /-/intents/int-7", 200, {"id": "int-7", "status": status})
        assert words in practice.control("GET", "/shop/subscriptions/int-7").text
    frontdoor.on("GET /-/intents/nope", 404, {"title": "Not found"})
    assert practice.control("GET", "/shop/subscriptions/nope").status == 404
