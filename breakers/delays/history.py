"""When each journey's flag was up, and why: periods in the database, made to agree with the flag on each tick of beat.

Reconciled by level: a tick that was missed makes a period a little shorter, never wrong for good. While the shared
state is away nothing is known, and nothing is written.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from breakers.core.states import STOPPED
from breakers.models import DelayPeriod
from controlplane.kernel.clock import from_ms

from .documents import DelayDocs
from .verdicts import CAUSES, CIRCUIT, Verdict

KEPT_DAYS = 400


def note(plane: Any) -> None:
    """Open a period for each journey whose flag has gone up, and close those whose flag has come down."""
    if not plane.store_ok or plane.config.source == "none":
        return
    documents: DelayDocs = plane.delays
    up = {slug: verdict for slug, verdict in documents.verdicts.items() if verdict.delayed}
    standing = {period.journey: period for period in DelayPeriod.objects.filter(until=None)}
    now = timezone.now()
    for slug, period in standing.items():
        if slug not in up:
            DelayPeriod.objects.filter(pk=period.pk, until=None).update(until=max(now, period.since))
    DelayPeriod.objects.bulk_create(
        [
            DelayPeriod(
                journey=slug,
                since=now if verdict.since_ms is None else min(now, from_ms(verdict.since_ms)),
                cause=verdict.cause,
                detail=_detail(plane, documents, slug, verdict)[:500],
            )
            for slug, verdict in up.items()
            if slug not in standing
        ],
        ignore_conflicts=True,  # another worker may be a moment faster
    )


def _detail(plane: Any, documents: DelayDocs, slug: str, verdict: Verdict) -> str:
    if verdict.cause != CIRCUIT:
        return CAUSES.get(verdict.cause, "")
    now_ms = plane.now_ms()
    found = ((target, plane.circuits.get(target)) for target in documents.targets_of(slug))
    stopped = [target for target, guarded in found if guarded is not None and guarded.effective(now_ms) in STOPPED]
    return f"{', '.join(stopped)}: no calls" if stopped else CAUSES[CIRCUIT]


def prune() -> None:
    """Forget what is older than KEPT_DAYS."""
    DelayPeriod.objects.filter(until__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
