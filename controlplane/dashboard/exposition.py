"""The ground's own metrics, and the whole exposition from every source named in METRIC_SOURCES."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from controlplane.dashboard import health
from controlplane.kernel import metrics, seams, valkey

log = structlog.get_logger("switchgear.metrics")


class Gathered(Collector):
    """Asks each source at scrape time. A source whose store or database is away is left out; UP says why."""

    def collect(self) -> Iterator[Metric]:
        yield from ground()
        for source in seams.sources("METRIC_SOURCES"):
            try:
                yield from list(source())
            except (*valkey.Away, DatabaseError) as error:
                log.warning("metric_source_away", source=source.__qualname__, error=str(error))

    def describe(self) -> list[Metric]:
        return []


def ground() -> Iterator[Metric]:
    """What /readyz knows, as numbers."""
    found = health.findings()
    yield metrics.UP.family([([name], float(found[name].status != "down")) for name in ("database", "valkey")])
    config = found["config"].value or {}
    for declared, name in ((metrics.CONFIG_VERSION, "version"), (metrics.CONFIG_PUBLISHED, "published")):
        if config.get(name) is not None:
            yield declared.family([((), config[name])])
    if found["beat"].value is not None:
        yield metrics.BEAT_AGE.family([((), found["beat"].value)])
    if found["workers"].value is not None:
        yield metrics.WORKERS.family([([kind], count) for kind, count in found["workers"].value.items()])


def exposition() -> bytes:
    registry = CollectorRegistry()
    registry.register(Gathered())
    return generate_latest(registry)
