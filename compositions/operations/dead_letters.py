"""Dead letters: intents that came to no end by themselves, and taking them up again.

Those that are named, or few, are taken up at once; many are an order (operations.bulk) that a worker carries out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from compositions.models import Intent
from compositions.models.intents import IntentStatus
from compositions.operations import executions
from compositions.operations.pipes import find, reason_given
from controlplane.audit.chain import record
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound

SHOWN = 100
MOST_AT_ONCE = 200


class Chosen(NamedTuple):
    """Which dead letters are meant: those named, else the oldest `limit`, else all."""

    intents: tuple[str, ...] = ()
    limit: int | None = None


class Found(NamedTuple):
    matching: int
    first: list[dict[str, Any]]


def preview(slug: str, chosen: Chosen) -> Found:
    """What a redrive would take up again. Raises NotFound, or Invalid that names what is no dead letter."""
    find(slug)
    rows = _chosen(slug, chosen)
    matching = rows.count() if chosen.limit is None else min(rows.count(), chosen.limit)
    return Found(matching, [_told(row) for row in rows[: min(matching, SHOWN)]])


def redrive(slug: str, chosen: Chosen, *, by: Principal, reason: str) -> Found:
    """Take them up again, the oldest first: one with an execution goes on at its failed step, another waits anew."""
    given = reason_given(reason)
    found = preview(slug, chosen)
    ids = list(_chosen(slug, chosen)[: found.matching].values_list("pk", flat=True))
    for begin in range(0, len(ids), MOST_AT_ONCE):
        take_up(ids[begin : begin + MOST_AT_ONCE], by=by, reason=given)
    after = {"redriven": len(ids), "intents": ids[:SHOWN]}
    record(action="pipe.redrive", subject=f"pipe:{slug}", by=by, after=after, reason=given)
    return found


def take_up(ids: Sequence[str], *, by: Principal, reason: str) -> int:
    """How many of them were still dead letters, and are not any more."""
    with transaction.atomic():
        rows = list(Intent.objects.select_for_update().filter(pk__in=ids, status=IntentStatus.DEAD).order_by("id"))
        waiting = [row.pk for row in rows if not _goes_on(row, by, reason)]
        again = {"status": IntentStatus.ACCEPTED, "attempts": 0, "reason": "", "outcome": "", "execution": ""}
        Intent.objects.filter(pk__in=waiting).update(**again, ended_at=None, not_before=None, held=False)
    return len(rows)


def _goes_on(row: Intent, by: Principal, reason: str) -> bool:
    """Whether its execution is taken up again. One that is not kept any more is begun anew, with the same keys."""
    if not row.execution:
        return False
    try:
        executions.redrive(row.execution, by=by, reason=reason)
    except NotFound:
        return False
    except Conflict:
        return True  # somebody else took it up meanwhile; the others must not wait for that
    return True


def _chosen(slug: str, chosen: Chosen) -> QuerySet[Intent]:
    """Without `limit`, which is the caller's to apply."""
    dead = of(slug)
    if not chosen.intents:
        return dead
    named = dead.filter(pk__in=chosen.intents)
    found = set(named.values_list("pk", flat=True))
    strange = [
        FieldProblem(f"intents[{index}]", "unknown", f"{intent} is no dead letter of pipe {slug}.")
        for index, intent in enumerate(chosen.intents)
        if intent not in found
    ]
    if strange:
        raise Invalid("Some of these are no dead letters of this pipe.", problems=strange)
    return named


def of(slug: str) -> QuerySet[Intent]:
    """The dead letters of a pipe, the oldest first."""
    return Intent.objects.filter(pipe=slug, status=IntentStatus.DEAD).order_by("id")


def _told(row: Intent) -> dict[str, Any]:
    return {
        "id": row.pk,
        "accepted_at": rfc3339(row.accepted_at),
        "attempts": row.attempts,
        "execution": row.execution or None,
        "reason": row.reason,
    }
