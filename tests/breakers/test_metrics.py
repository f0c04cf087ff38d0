"""What `/metrics` says of circuits."""

import asyncio

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from breakers import metrics
from breakers.core import counts
from breakers.operations import overrides, targets
from breakers.store.circuits import CircuitStore, Flush
from controlplane.kernel import valkey as kernel_valkey
from controlplane.kernel.access import Principal

pytestmark = pytest.mark.django_db


def exposed() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.collect = metrics.families  # type: ignore[method-assign]
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@pytest.fixture
def root(admin_user) -> Principal:
    return Principal.system("test")


def test_a_quiet_circuit_is_shown_as_closed_and_zero(valkey, root):
    targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=root)
    found = exposed()
    assert found['switchgear_circuit_state{state="CLOSED",target="catalog"}'] == 1
    assert found['switchgear_circuit_state{state="OPEN",target="catalog"}'] == 0
    assert found['switchgear_target_calls_total{target="catalog"}'] == 0


def test_an_order_shows_in_the_effective_state_and_leaves_the_observed_one(valkey, root):
    targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=root)
    overrides.put("catalog", state="FORCED_OPEN", reason="test", expires_in_s=60, by=root)
    found = exposed()
    assert found['switchgear_circuit_effective_state{state="FORCED_OPEN",target="catalog"}'] == 1
    assert found['switchgear_circuit_state{state="CLOSED",target="catalog"}'] == 1


async def _flush(url: str) -> None:
    client = kernel_valkey.connect_async(url)
    row = counts.empty()
    row[counts.CALLS], row[counts.FAILURES], row[counts.bucket(7)] = 3, 1, 3
    await CircuitStore(client, "sg").flush([Flush("catalog", 0, b"", (), (), [(0, row)], [])])
    await client.aclose()


def test_counts_of_all_processes_add_up_and_latencies_are_cumulative(valkey, root):
    targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=root)
    for _ in range(2):
        asyncio.run(_flush(valkey))
    found = exposed()
    assert found['switchgear_target_calls_total{target="catalog"}'] == 6
    assert found['switchgear_target_failures_total{target="catalog"}'] == 2
    assert found['switchgear_target_latency_seconds_bucket{le="0.005",target="catalog"}'] == 0
    assert found['switchgear_target_latency_seconds_bucket{le="0.01",target="catalog"}'] == 6


def test_without_the_store_only_that_is_said(settings, db):
    settings.VALKEY_URL = "redis://127.0.0.1:1/0"
    assert exposed() == {"switchgear_store_up": 0}
