"""The history of circuits: moves are logged in the store as they are made, and written to the database from there.

Writing is idempotent (one row per target and epoch), so any process may do it at any time, and a crash repeats nothing.
"""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from breakers.models import ProbeRun, Target, Transition
from breakers.store.circuits import Keys
from controlplane.kernel import valkey
from controlplane.kernel.clock import from_ms

KEPT_DAYS = 400


def drain(slugs: Iterable[str] | None = None) -> int:
    """Move logged moves of `slugs` (default: of every target) into the database; returns how many were logged."""
    client = valkey.shared()
    names = list(Target.objects.values_list("slug", flat=True) if slugs is None else slugs)
    logs = [Keys(settings.KEY_PREFIX, slug).log for slug in names]
    try:
        pipeline = client.pipeline(transaction=False)
        for log in logs:
            pipeline.lrange(log, 0, -1)
        logged = pipeline.execute()
        rows = [_row(slug, json.loads(entry)) for slug, entries in zip(names, logged, strict=True) for entry in entries]
        if not rows:
            return 0
        Transition.objects.bulk_create(rows, ignore_conflicts=True)
        for log, entries in zip(logs, logged, strict=True):
            for entry in entries:
                pipeline.lrem(log, 1, entry)
        pipeline.execute()
    except valkey.Away:
        return 0
    return len(rows)


def _row(slug: str, entry: dict[str, Any]) -> Transition:
    return Transition(
        target=slug,
        epoch=int(entry["epoch"]),
        at=from_ms(int(entry["at"])),
        from_state=entry["from"],
        to_state=entry["to"],
        reason=entry["reason"][:500],
        wait_ms=int(entry["wait"]),
        evidence=[failure for text in entry.get("failures") or [] if _belongs(failure := json.loads(text), entry)],
    )


def _belongs(failure: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Failures of an earlier state did not lead to this move."""
    return bool(failure["at_ms"] >= int(entry["since"]))


def prune() -> None:
    """Forget what is older than KEPT_DAYS."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    Transition.objects.filter(at__lt=before).delete()
    ProbeRun.objects.filter(at__lt=before).delete()
