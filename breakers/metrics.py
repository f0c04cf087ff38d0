"""Metrics of every circuit, read from what all processes have counted; a quiet circuit is shown as zero."""

from collections.abc import Iterable

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from breakers.core import counts
from breakers.core.states import OBSERVED
from breakers.models import Target
from breakers.store.board import read_board
from controlplane.kernel import valkey

_COUNTERS = {
    counts.CALLS: ("calls", "Calls that were judged."),
    counts.FAILURES: ("failures", "Calls judged as failures."),
    counts.SLOW: ("slow_calls", "Calls at or above a slow mark."),
    counts.REJECTED: ("rejected", "Calls refused by a gate of ours."),
    counts.IGNORED: ("ignored", "Calls whose outcome says nothing."),
    counts.THROTTLED: ("throttled", "Calls that the provider throttled."),
    counts.CACHED: ("cached", "Answers from cache."),
}


def families() -> Iterable[Metric]:
    """Metric families, one sample per target (and state)."""
    slugs = list(Target.objects.values_list("slug", flat=True))
    board = read_board(valkey.shared(), settings.KEY_PREFIX, slugs)
    yield GaugeMetricFamily("switchgear_store_up", "Whether the shared store answers.", value=float(board.ok))
    if not board.ok:
        return
    state = GaugeMetricFamily("switchgear_circuit_state", "1 for the observed state.", labels=["target", "state"])
    for slug in slugs:
        for observed in OBSERVED:
            state.add_metric([slug, observed], float(board.circuit(slug).circuit.state is observed))
    yield state
    for field, (name, text) in _COUNTERS.items():
        family = CounterMetricFamily(f"switchgear_target_{name}", text, labels=["target"])
        for slug in slugs:
            family.add_metric([slug], board.circuit(slug).total[field])
        yield family
    latency = HistogramMetricFamily("switchgear_target_latency_seconds", "Duration of judged calls.", labels=["target"])
    for slug in slugs:
        latency.add_metric([slug], _buckets(board.circuit(slug).total), sum_value=None)
    yield latency


def _buckets(total: list[int]) -> list[tuple[str, float]]:
    bounds = [str(bound / 1000) for bound in counts.BOUNDS_MS] + ["+Inf"]
    seen, buckets = 0, []
    for bound, count in zip(bounds, total[counts.HISTOGRAM :], strict=True):
        seen += count
        buckets.append((bound, float(seen)))
    return buckets
