"""Figures of one composition over one stretch of time; pure."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from breakers.core import counts

# Counts of runs, then of their calls, in the order in which they are stored; the histogram of run times follows.
FIELDS: Final = ("runs", "complete", "failed", "from_cache", "calls", "kept_answers", "refused_calls")
RUNS, COMPLETE, FAILED, FROM_CACHE, CALLS, KEPT_ANSWERS, REFUSED_CALLS = range(len(FIELDS))
HISTOGRAM: Final = len(FIELDS)
SIZE: Final = HISTOGRAM + len(counts.BOUNDS_MS) + 1

_SHIFT: Final = counts.HISTOGRAM - HISTOGRAM


class Figures(NamedTuple):
    """What pages show of a stretch of time. Shares are None without runs (or calls); times in ms."""

    runs: int
    complete: float | None
    failed: int
    from_cache: float | None
    calls: int
    kept_answers: float | None
    p50: float | None
    p95: float | None
    p99: float | None


def empty() -> list[int]:
    return [0] * SIZE


def note(into: list[int], *, ms: float, complete: bool, failed: bool, calls: int, kept: int, refused: int) -> None:
    """Add one run: how long it took, and of its calls how many were answered from what was kept, or refused."""
    into[RUNS] += 1
    into[COMPLETE] += complete
    into[FAILED] += failed
    into[FROM_CACHE] += kept > 0
    into[CALLS] += calls
    into[KEPT_ANSWERS] += kept
    into[REFUSED_CALLS] += refused
    into[counts.bucket(ms) - _SHIFT] += 1


def added(every: Iterable[Sequence[int]]) -> list[int]:
    into = empty()
    for each in every:
        for index, count in enumerate(each[:SIZE]):
            into[index] += count
    return into


def percentile(figures: Sequence[float], share: float) -> float | None:
    """Run time in ms that `share` (0-1) of the runs stayed below."""
    histogram = [round(count) for count in figures[HISTOGRAM:]]
    return counts.percentile([*[0] * counts.HISTOGRAM, *histogram], share)


def told(figures: Sequence[int]) -> Figures:
    return Figures(
        runs=figures[RUNS],
        complete=_share(figures[COMPLETE], figures[RUNS]),
        failed=figures[FAILED],
        from_cache=_share(figures[FROM_CACHE], figures[RUNS]),
        calls=figures[CALLS],
        kept_answers=_share(figures[KEPT_ANSWERS], figures[CALLS]),
        p50=percentile(figures, 0.5),
        p95=percentile(figures, 0.95),
        p99=percentile(figures, 0.99),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
