"""Metrics of every circuit, read from what all processes have counted; a quiet circuit is shown as zero."""

from collections.abc import Iterable

import msgspec
from django.conf import settings
from prometheus_client.core import Metric

from breakers.core import counts, machine
from breakers.core.settings import Override, parse_target
from breakers.core.states import OBSERVED, State
from breakers.store.board import read_board
from controlplane.config.reading import present
from controlplane.kernel import metrics, valkey

COUNTERS = {
    counts.CALLS: metrics.CALLS,
    counts.FAILURES: metrics.FAILURES,
    counts.SLOW: metrics.SLOW,
    counts.REJECTED: metrics.REJECTED,
    counts.IGNORED: metrics.IGNORED,
    counts.THROTTLED: metrics.THROTTLED,
    counts.CACHED: metrics.CACHED,
}


def families() -> Iterable[Metric]:
    """One sample per target, or per target and state. Without the store there is nothing to tell but that."""
    _, manifest, fetch = present()
    pieces = fetch([digest for key, digest in manifest.items() if key.startswith(("target/", "override/"))]).values()
    targets = {piece.slug: parse_target(piece.body) for piece in pieces if piece.kind == "target"}
    orders = {piece.slug: msgspec.convert(piece.body, Override) for piece in pieces if piece.kind == "override"}
    board = read_board(valkey.shared(), settings.KEY_PREFIX, list(targets))
    yield metrics.STORE_UP.family([((), float(board.ok))])
    if not board.ok:
        return
    readings = {slug: board.circuit(slug) for slug in targets}
    observed = {slug: reading.circuit.state for slug, reading in readings.items()}
    effective = {
        slug: machine.effective(readings[slug].circuit, target.breaker, orders.get(slug), board.at_ms)
        for slug, target in targets.items()
    }
    yield metrics.STATE.family(_one_hot(observed, OBSERVED))
    yield metrics.EFFECTIVE.family(_one_hot(effective, tuple(State)))
    yield metrics.OPENINGS.family([([slug], reading.circuit.openings) for slug, reading in readings.items()])
    for field, declared in COUNTERS.items():
        yield declared.family([([slug], reading.total[field]) for slug, reading in readings.items()])
    distributions = [([slug], _buckets(reading.total), None) for slug, reading in readings.items()]
    yield metrics.LATENCY.family(distributions=distributions)


def _one_hot(current: dict[str, State], states: tuple[State, ...]) -> list[tuple[list[str], float]]:
    return [([slug, state], float(now is state)) for slug, now in current.items() for state in states]


def _buckets(total: list[int]) -> list[tuple[str, float]]:
    bounds = [str(bound / 1000) for bound in counts.BOUNDS_MS] + ["+Inf"]
    seen, buckets = 0, []
    for bound, count in zip(bounds, total[counts.HISTOGRAM :], strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    return buckets
