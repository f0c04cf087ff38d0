"""The record that every policy, page and metric reads: counts of one second, and a histogram of latencies."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

# Fields of one second of traffic, in the order in which they are stored; the histogram follows them.
FIELDS = ("calls", "failures", "slow", "rejected", "ignored", "throttled", "cached")
CALLS, FAILURES, SLOW, REJECTED, IGNORED, THROTTLED, CACHED = range(len(FIELDS))
HISTOGRAM = len(FIELDS)

# Upper bounds of the latency buckets, in ms; the last bucket has none.
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10000, 30000)
SIZE = HISTOGRAM + len(BOUNDS_MS) + 1


def empty() -> list[int]:
    return [0] * SIZE


def bucket(latency_ms: float) -> int:
    """Index, in a second of traffic, of the histogram bucket that holds `latency_ms`."""
    return HISTOGRAM + bisect_left(BOUNDS_MS, latency_ms)


def add(into: list[int], counts: Sequence[int]) -> list[int]:
    for index, count in enumerate(counts):
        into[index] += count
    return into


def total(seconds: Iterable[Sequence[int]]) -> list[int]:
    into = empty()
    for counts in seconds:
        add(into, counts)
    return into


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Latency in ms that `share` (0-1) of the calls stayed below, interpolated in its bucket; None without calls."""
    histogram = counts[HISTOGRAM:]
    calls = sum(histogram)
    if not calls:
        return None
    rank, seen = share * calls, 0
    for index, count in enumerate(histogram):
        if count and seen + count >= rank:
            low = BOUNDS_MS[index - 1] if index else 0
            high = BOUNDS_MS[index] if index < len(BOUNDS_MS) else BOUNDS_MS[-1]
            return low + (high - low) * (rank - seen) / count
        seen += count
    return float(BOUNDS_MS[-1])
