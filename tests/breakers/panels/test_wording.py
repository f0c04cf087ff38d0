"""Numbers and times as a tired person reads them."""

import pytest

from breakers.panels import wording

NOW = 1_772_334_960_000  # Sunday, 1 March 2026, 03:16:00 UTC


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 s"),
        (42_000, "42 s"),
        (119_000, "119 s"),
        (240_000, "4 min"),
        (4_800_000, "80 min"),
        (7_500_000, "2 h 5 min"),
        (7_200_000, "2 h"),
        (90_000_000, "25 h"),
        (180_000_000, "2 d 2 h"),
        (-5_000, "5 s"),
    ],
)
def test_spans_have_two_units_at_most(ms, text):
    assert wording.span(ms).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("apart", "text"), [(0, "now"), (-900, "now"), (-240_000, "4 min ago"), (42_000, "in 42 s"), (-1_000, "1 s ago")]
)
def test_moments_are_told_from_the_present(apart, text):
    assert wording.relative(NOW + apart, NOW).replace("\u00a0", " ") == text


def test_the_clock_names_the_day_only_when_it_is_another_one():
    assert wording.clock(NOW - 240_000, NOW) == "03:12"
    assert wording.clock(NOW - 86_400_000, NOW) == "28 Feb 03:16"


def test_the_exact_time_carries_its_zone():
    assert wording.exact(NOW) == "Sunday, 1 March 2026, 03:16:00 UTC"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 10, "0 %"), (1, 10_000, "<0.1 %"), (1, 250, "0.4 %"), (37, 100, "37 %"), (100, 100, "100 %"), (1, 0, "")],
)
def test_shares_keep_what_matters(part, whole, text):
    assert wording.share(part, whole).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("ms", "text"), [(None, ""), (0.42, "0.4 ms"), (42.4, "42 ms"), (999.4, "999 ms"), (1234, "1.2 s")]
)
def test_latencies_choose_their_unit(ms, text):
    assert wording.latency(ms).replace("\u00a0", " ") == text


@pytest.mark.parametrize(("calls", "text"), [(0, "0"), (1, "<0.1"), (18, "0.3"), (252, "4.2"), (10_800, "180")])
def test_rates_are_told_by_the_second(calls, text):
    assert wording.rate(calls, 60) == text


@pytest.mark.parametrize(("number", "text"), [(7, "7"), (1234, "1,234"), (12_345, "12,300"), (1_234_567, "1.2 M")])
def test_large_counts_are_rounded(number, text):
    assert wording.count(number).replace("\u00a0", " ") == text


def test_long_lists_are_cut_short():
    assert wording.listed(["A"]) == "A"
    assert wording.listed(["A", "B", "C"]) == "A, B and C"
    assert wording.listed(list("ABCDE")) == "A, B, C and 2 more"
