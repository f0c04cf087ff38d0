"""What differs between two documents, as previews and conflicts tell it."""

import pytest

from breakers.panels.differences import Changed, changes

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


def test_differences_are_told_in_the_words_of_the_form_and_overrides_as_a_whole():
    later = {**PLAN, "rate": 50, "quota": None, "overrides": [{"route": None, "method": "GET", "rate": 9, "burst": 9}]}
    assert changes(PLAN, later) == [
        Changed("rate (requests/s)", "100", "50"),
        Changed("quota", "10,000 a month from the 1st 06:00 Europe/Vienna", ""),
        Changed("override GET of every route", "", "9 requests/s, bursts of 9"),
        Changed("override POST of route articles", "0.5 requests/s, bursts of 1", ""),
    ]


def test_conditions_are_told_as_a_sentence():
    before, after = ({"statement": {"path": {"is": [path]}}} for path in ("/a", "/b"))
    assert changes(before, after) == [Changed("conditions", "path is /a", "path is /b")]


@pytest.mark.parametrize(("before", "after"), [(0.0011, 0.0012), (0.333, 0.3331), (1200.5, 1200.6)])
def test_a_small_difference_is_told_as_well(before, after):
    assert len(changes({"rate": before}, {"rate": after})) == 1
    overrides = [{"overrides": [{**PLAN["overrides"][0], "rate": rate}]} for rate in (0.0011, 0.0012)]
    assert len(changes(*overrides)) == 1
