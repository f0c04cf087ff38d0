"""Counts of seconds and percentiles from the latency histogram."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.core import counts


def histogram(latencies):
    row = counts.empty()
    for latency in latencies:
        row[counts.bucket(latency)] += 1
    return row


def test_without_calls_there_is_no_percentile():
    assert counts.percentile(counts.empty(), 0.5) is None


@pytest.mark.parametrize(("latency", "upper"), [(0.4, 1), (1, 1), (1.01, 2), (499, 500), (60_000, 30_000)])
def test_a_latency_lands_in_the_bucket_that_bounds_it(latency, upper):
    assert counts.percentile(histogram([latency]), 1.0) == upper


@given(st.lists(st.floats(0, 25_000), min_size=1), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(latencies, share):
    found = counts.percentile(histogram(latencies), share)
    true = sorted(latencies)[max(0, -(-int(share * len(latencies) * 10**9) // 10**9) - 1)]
    index = counts.bucket(true) - counts.HISTOGRAM
    low, high = ([0, *counts.BOUNDS_MS])[index], counts.BOUNDS_MS[min(index, len(counts.BOUNDS_MS) - 1)]
    neighbour = ([0, *counts.BOUNDS_MS])[max(0, index - 1)]
    assert neighbour <= found <= high
    assert low <= true
