"""Running a composition because somebody asks, instead of for a request."""

import json
from collections.abc import Mapping
from typing import Any

from breakers.documents.defaults import Document
from breakers.models import Target
from compositions.asl import InvalidDefinition
from compositions.asl.values import Json
from compositions.documents.compositions import complete, document
from compositions.engine import telling
from compositions.engine.catalog import Compiled, compiled
from compositions.engine.express import Run
from compositions.engine.flow import Flow
from compositions.hosting import hosted_flow
from compositions.models import Composition
from compositions.models.compositions import WorkflowType
from compositions.operations import compositions, executions
from compositions.resources.context import FORCED, Forced
from controlplane.audit.chain import record
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

SPARE_S = 5.0  # beside the run's own deadline: a first JSONata child, a configuration that is read anew


def start(
    slug: str, value: Json, *, by: Principal, reason: str = "", forced: Mapping[str, Forced] | None = None
) -> tuple[int, Document]:
    """A status and a document: 200 and how the run ended for EXPRESS, 202 and the execution's id for STANDARD.

    It runs the present version with the targets as they are registered now. `forced` says which of them this run sees
    open, slow, stale or failing; no circuit hears of that. Raises NotFound, Invalid, Conflict.
    """
    row = Composition.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no composition “{slug}”.")
    if row.type == WorkflowType.STANDARD:
        if forced:
            raise _wrong("forced", "not_express", "Only an EXPRESS composition can be tried with forced targets.")
        execution = executions.start(slug, json.dumps(value), by=by, reason=reason)
        return 202, {"execution": execution.pk}
    return 200, _ran(slug, document(row), value, by=by, reason=reason, forced=forced)


def try_draft(
    slug: str,
    draft: Document,
    value: Json,
    *,
    by: Principal,
    reason: str = "",
    forced: Mapping[str, Forced] | None = None,
) -> Document:
    """How a run of an EXPRESS composition ends that is not saved as `draft` says. Raises Invalid, Conflict.

    Nobody else gets to run it; the audit has its digest.
    """
    checked = compositions.check(slug, draft)
    whole = complete(slug, draft) | {"definition": checked.value}
    if whole["type"] != WorkflowType.EXPRESS:
        raise Conflict("Only an EXPRESS composition can be tried before it is saved.")
    return _ran(slug, whole, value, by=by, reason=reason, forced=forced, draft=checked.digest)


def _ran(
    slug: str, whole: Document, value: Json, *, by: Principal, reason: str, forced: Mapping[str, Forced] | None,
    draft: str = "",
) -> Document:  # fmt: skip
    _check(forced or {})
    try:
        ready = compiled(slug, whole)
    except InvalidDefinition as error:
        raise Conflict(f"Composition “{slug}” cannot be run: {error}.") from None
    hosted = hosted_flow("control")
    run = hosted.run(_run(hosted.flow, ready, value, forced), timeout_s=(ready.deadline_s or 0) + SPARE_S)
    told = {"status": run.status, "complete": run.complete, "ms": round(run.ms), "forced": dict(forced or {})}
    told |= {"draft": draft} if draft else {}
    record(action="composition.run", subject=f"composition:{slug}", by=by, after=told, reason=reason)
    return telling.of_run(run)


async def _run(flow: Flow, ready: Compiled, value: Json, forced: Mapping[str, Forced] | None) -> Run:
    await flow.plane.config.refresh(database=True)
    return await flow.run(ready, value, forced=forced, trace=True)


def _check(forced: Mapping[str, Any]) -> None:
    for target, how in forced.items():
        if how not in FORCED:
            raise _wrong(f"forced.{target}", "invalid_choice", f"Use one of {', '.join(FORCED)}.")
    unknown = set(forced) - set(Target.objects.filter(slug__in=forced).values_list("slug", flat=True))
    for target in sorted(unknown):
        raise _wrong(f"forced.{target}", "unknown_target", f"There is no target “{target}”.")


def _wrong(path: str, code: str, message: str) -> Invalid:
    return Invalid("The run was not started.", problems=[FieldProblem(path, code, message)])
