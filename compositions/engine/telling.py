"""Runs, steps and calls as JSON: for answers' `_meta`, for who tries a composition, for who looks at a run later."""

from datetime import UTC, datetime
from typing import Any

from compositions.asl.values import plain
from compositions.resources.context import Met

from .express import Run
from .places import state_path
from .tracing import Step


def of_run(run: Run) -> dict[str, Any]:
    """`{"status", "output" | "error", "cause", "complete", "ms", "met", "trace"}`."""
    told: dict[str, Any] = {"status": run.status}
    if run.status == "SUCCEEDED":
        told["output"] = plain(run.output)
    else:
        told |= {"error": run.error, "cause": run.cause}
    return told | {
        "composition": run.composition,
        "version": run.version,
        "complete": run.complete,
        "ms": round(run.ms, 1),
        "met": [of_call(met) for met in run.met],
        "trace": [of_step(step) for step in run.steps],
    }


def of_step(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {
        "path": step.path,
        "state": step.name,
        "number": step.number,
        "item": list(step.item),
        "status": step.status,
        "started_ms": round(step.started_ms, 1),
        "ended_ms": None if step.ended_ms is None else round(step.ended_ms, 1),
        "attempts": step.attempts,
        "input": plain(step.input),
        "output": plain(step.output),
        "next": step.next,
        "met": [of_call(met) for met in step.met],
    }
    if step.error is not None or step.cause is not None:
        told |= {"error": step.error, "cause": step.cause}
    return told


def of_call(met: Met) -> dict[str, Any]:
    """One call: where in the definition, whom, and what came of it."""
    return provenance(met) | {
        "status": met.status,
        "ms": round(met.ms, 1),
        "error": met.error,
        "forced": met.forced or None,
    }


def provenance(met: Met) -> dict[str, Any]:
    """Where one part of an answer came from. `state` is its place in the definition."""
    as_of = met.as_of
    told: dict[str, Any] = {
        "state": state_path(met.place, {})[0],
        "target": met.target,
        "source": met.source or None,
        "age_s": None if met.age_s is None else round(met.age_s, 3),
        "breaker": met.breaker or None,
        "as_of": None if as_of is None else datetime.fromtimestamp(as_of, UTC).isoformat().replace("+00:00", "Z"),
    }
    return told if met.error is None else told | {"error": met.error}


def meta(run: Run) -> dict[str, Any]:
    """`_meta` of an answer."""
    return {"completed": run.complete, "branches": [provenance(met) for met in run.met]}
