"""Plans, throttles and stages in one sentence, and what differs between two of them."""

import pytest

from breakers.panels import limit_words
from breakers.panels.limit_words import Changed

PLAN = {
    "slug": "gold",
    "title": "Gold",
    "rate": 100,
    "burst": None,
    "quota": {"limit": 10_000, "period": "MONTH", "time_zone": "Europe/Vienna", "offset_h": 6},
    "stages": ["main"],
    "overrides": [{"route": "articles", "method": "POST", "rate": 0.5, "burst": None}],
    "mode": "enforce",
    "on_store_error": "closed",
}


def said(text):
    return text.replace("\u00a0", " ")


def test_a_plan_says_rate_quota_overrides_stages_and_what_happens_without_the_store():
    assert said(limit_words.plan(PLAN)) == (
        "Each consumer may call at 100 requests/s, bursts of 100 and at most 10,000 requests a month (Europe/Vienna, "
        "beginning 6 h late); POST of articles 0.5 requests/s, bursts of 1. Keys open stage main; while the store is "
        "away requests are refused."
    )


def test_a_plan_that_only_counts_or_opens_nothing_says_so():
    told = said(limit_words.plan({**PLAN, "rate": None, "quota": None, "stages": [], "mode": "count"}))
    assert told.startswith("Each consumer may call at any rate;")
    assert "No key opens any stage; counting only: nothing is refused" in told


@pytest.mark.parametrize(
    ("place", "covered"),
    [
        ({"scope": "account"}, "Everything that enters the front door shares"),
        ({"scope": "stage", "stage": "main"}, "Everything that enters stage main shares"),
        ({"scope": "route", "route": "articles"}, "Route articles in every stage shares"),
        ({"scope": "method", "method": "POST", "stage": "main"}, "POST of any route in stage main shares"),
    ],
    ids=["account", "stage", "route", "method"],
)
def test_a_throttle_says_what_shares_it(place, covered):
    assert said(limit_words.throttle({"rate": 5, "burst": 9, **place})).startswith(
        f"{covered} 5 requests/s, bursts of 9"
    )


def test_differences_are_told_in_the_words_of_the_form_and_overrides_as_a_whole():
    later = {**PLAN, "rate": 50, "quota": None, "overrides": [{"route": None, "method": "GET", "rate": 9, "burst": 9}]}
    found = [Changed(*(said(text) for text in change)) for change in limit_words.changes(PLAN, later)]
    assert found == [
        Changed("rate (requests/s)", "100", "50"),
        Changed("quota", "10,000 requests a month (Europe/Vienna, beginning 6 h late)", ""),
        Changed("override GET of any route", "", "9 requests/s, bursts of 9"),
        Changed("override POST of articles", "0.5 requests/s, bursts of 1", ""),
    ]


@pytest.mark.parametrize(("octets", "words"), [(512, "512 bytes"), (65_536, "64 KiB"), (1024**2, "1 MiB")])
def test_sizes_are_told_in_the_unit_that_fits(octets, words):
    assert said(limit_words.size(octets)) == words
