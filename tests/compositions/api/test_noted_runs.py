"""How runs behind routes went, over REST: figures of the last while and the runs that are kept."""

from datetime import timedelta

import pytest

from breakers.operations import targets
from compositions.models import CompositionRun, RunMinute
from compositions.operations import compositions
from compositions.runs import figures
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from tests.compositions.workflows import asking

SETUP = Principal.system("test")
RUNS = "/api/v1/compositions/page/runs"


@pytest.fixture
def noted(db, valkey):
    targets.put("search", {"base_url": "http://127.0.0.1:9"}, by=SETUP)
    compositions.put("page", {"definition": asking("search")}, by=SETUP)
    now = clock.now()
    counts = figures.empty()
    for number in range(100):
        figures.note(counts, ms=number, complete=number > 9, failed=number < 5, calls=2, kept=1, refused=0)
    RunMinute.objects.create(composition="page", at=now.replace(second=0, microsecond=0), figures=counts)
    for why in ("failed", "partial", "sample"):
        CompositionRun.objects.create(
            composition="page",
            version=1,
            at=now - timedelta(seconds=5),
            ms=7,
            status="SUCCEEDED",
            complete=True,
            why=why,
        )


def test_figures_and_kept_runs_are_told(noted, admin_api):
    told = admin_api.get(RUNS).json()
    found = told["figures"]
    assert (found["runs"], found["complete"], found["failed"], found["from_cache"]) == (100, 0.9, 5, 1.0)
    assert 40 < found["p50_ms"] <= 60
    assert found["p95_ms"] > 90
    assert [run["why"] for run in told["kept"]] == ["sample", "partial", "failed"]
    assert [run["why"] for run in admin_api.get(f"{RUNS}?why=failed").json()["kept"]] == ["failed"]


def test_without_runs_shares_are_null_and_nonsense_is_refused(noted, admin_api):
    RunMinute.objects.all().delete()
    found = admin_api.get(f"{RUNS}?span_s=60").json()["figures"]
    assert (found["runs"], found["complete"], found["p95_ms"]) == (0, None, None)
    for query in ("why=none", "span_s=1", "limit=0", "limit=x"):
        refused = admin_api.get(f"{RUNS}?{query}")
        assert refused.status_code == 400
        assert refused.json()["problems"][0]["path"] == query.partition("=")[0]
    assert admin_api.get("/api/v1/compositions/nothing/runs").status_code == 404
