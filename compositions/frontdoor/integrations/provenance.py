"""`_meta`: where each part of a composed answer came from, and how old it is."""

from datetime import UTC, datetime
from typing import Any

from compositions.engine.express import Run
from compositions.engine.places import state_path
from compositions.resources.context import Met


def provenance(run: Run) -> dict[str, Any]:
    return {"completed": run.complete, "branches": [told(met) for met in run.met]}


def told(met: Met) -> dict[str, Any]:
    """One call as JSON; `state` is its place in the definition."""
    as_of = met.as_of
    branch: dict[str, Any] = {
        "state": state_path(met.place, {})[0],
        "target": met.target,
        "source": met.source or None,
        "age_s": None if met.age_s is None else round(met.age_s, 3),
        "breaker": met.breaker or None,
        "as_of": None if as_of is None else datetime.fromtimestamp(as_of, UTC).isoformat().replace("+00:00", "Z"),
    }
    if met.error is not None:
        branch["error"] = met.error
    return branch
