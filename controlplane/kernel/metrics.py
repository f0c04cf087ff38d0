"""Every metric this product exposes, declared once: name, type, help, labels.

Values come at scrape time from the sources named in METRIC_SOURCES; nothing is counted in the scraped process itself,
because front doors are other processes and their counts live in Valkey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

Sample = tuple[Sequence[str], float]
# Labels, cumulative buckets as (upper bound, count) with "+Inf" last, and the sum.
Distribution = tuple[Sequence[str], Sequence[tuple[str, float]], float | None]


@dataclass(frozen=True)
class Declared:
    """One metric; `family(...)` dresses its values for exposition."""

    name: str
    type: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()

    def family(self, samples: Iterable[Sample] = (), distributions: Iterable[Distribution] = ()) -> Metric:
        if self.type == "histogram":
            histogram = HistogramMetricFamily(self.name, self.help, labels=self.labels)
            for labels, buckets, total in distributions:
                histogram.add_metric(labels, buckets=buckets, sum_value=total)
            return histogram
        kind = CounterMetricFamily if self.type == "counter" else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels)
        for labels, value in samples:
            family.add_metric(labels, value)
        return family


# The ground.
UP = Declared("switchgear_dependency_up", "gauge", "1 while the dependency answers, else 0.", ("dependency",))
CONFIG_VERSION = Declared("switchgear_config_version", "gauge", "Number of the newest configuration version.")
CONFIG_PUBLISHED = Declared("switchgear_config_published_version", "gauge", "Number that Valkey holds.")
BEAT_AGE = Declared("switchgear_beat_age_seconds", "gauge", "Seconds since beat's last tick was worked off.")
WORKERS = Declared("switchgear_workers", "gauge", "Processes seen within three seconds, by kind.", ("kind",))
AWS_HELD = Declared("switchgear_aws_held", "gauge", "What is to hold at AWS, by how it fares.", ("status",))

# Targets: counters over every front door, runner and probe.
STORE_UP = Declared("switchgear_store_up", "gauge", "1 while the shared store answers, else 0.")
CALLS = Declared("switchgear_target_calls", "counter", "Calls that were judged.", ("target",))
FAILURES = Declared("switchgear_target_failures", "counter", "Calls judged as failures.", ("target",))
SLOW = Declared("switchgear_target_slow_calls", "counter", "Calls at or above a slow mark.", ("target",))
REJECTED = Declared("switchgear_target_rejected", "counter", "Calls refused before the wire.", ("target",))
IGNORED = Declared("switchgear_target_ignored", "counter", "Calls whose outcome says nothing.", ("target",))
THROTTLED = Declared("switchgear_target_throttled", "counter", "Calls that the provider throttled.", ("target",))
CACHED = Declared("switchgear_target_cached", "counter", "Answers given from the cache.", ("target",))
LATENCY = Declared("switchgear_target_latency_seconds", "histogram", "Duration of judged calls.", ("target",))
STATE = Declared("switchgear_circuit_state", "gauge", "1 for the observed state.", ("target", "state"))
EFFECTIVE = Declared("switchgear_circuit_effective_state", "gauge", "1 for the effective state.", ("target", "state"))
OPENINGS = Declared("switchgear_circuit_consecutive_openings", "gauge", "Openings without recovery.", ("target",))

# Durable executions, read from the database.
SAGA_CALLS = Declared(
    "switchgear_saga_calls",
    "gauge",
    "Calls of executions that ended within ten minutes: done, and made to undo; undone / done is the amplification.",
    ("composition", "kind"),
)

# The inbound door: counters over every front door. Consumers are no label: there may be any number of them.
ADMISSION = Declared(
    "switchgear_admission_requests", "counter", "Requests by usage plan and what became of them.", ("plan", "outcome")
)
ADMISSION_ROUTE = Declared(
    "switchgear_route_requests", "counter", "Requests by stage, route and outcome.", ("stage", "route", "outcome")
)
QUOTA_DRAWN = Declared("switchgear_quota_drawn", "gauge", "Requests drawn in the present periods.", ("plan",))

# The flow.
EXECUTIONS = Declared("switchgear_executions", "gauge", "Durable executions that stand, by status.", ("status",))
INTENTS = Declared("switchgear_intents", "gauge", "Intents that have not ended well, by pipe.", ("pipe", "status"))
PIPE_STOPPED = Declared("switchgear_pipe_stopped", "gauge", "1 while the pipe starts nothing.", ("pipe",))
PIPE_OLDEST = Declared("switchgear_pipe_oldest_seconds", "gauge", "Age of the oldest waiting intent.", ("pipe",))
TASKS = Declared("switchgear_manual_tasks", "gauge", "Steps that wait for a person.", ("state",))
SAGA_WORKERS = Declared("switchgear_saga_workers", "gauge", "Processes that carry executions on.")
