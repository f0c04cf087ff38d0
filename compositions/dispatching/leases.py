"""Which process starts a pipe's intents, and how the pipe was last found: one row a pipe.

A lease that is not renewed lapses. It keeps two processes from starting at twice the rate; that no intent is started
twice is seen to by the claims themselves.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from compositions.models import PipeLease
from compositions.standing import Standing
from controlplane.kernel import clock


def lease(owner: str, pipes: Sequence[str], lease_s: float) -> set[str]:
    """Take or renew what is free or ours; the pipes that this owner starts now."""
    now = clock.now()
    known = set(PipeLease.objects.filter(pk__in=pipes).values_list("pk", flat=True))
    new = [PipeLease(pipe=slug, owner="", until=now) for slug in pipes if slug not in known]
    PipeLease.objects.bulk_create(new, ignore_conflicts=True)
    free = Q(owner=owner) | Q(owner="") | Q(until__lt=now)
    PipeLease.objects.filter(free, pk__in=pipes).update(owner=owner, until=now + timedelta(seconds=lease_s))
    return set(PipeLease.objects.filter(owner=owner, pk__in=pipes).values_list("pk", flat=True))


def release(owner: str) -> None:
    PipeLease.objects.filter(owner=owner).update(owner="", until=clock.now())


def stands(pipe: str) -> tuple[Standing, datetime | None] | None:
    """How the pipe was last found, by whomever, and since when."""
    row = PipeLease.objects.filter(pk=pipe).first()
    return None if row is None else (Standing(row.state, row.stopped_by, row.reason), row.since)


def keep_standing(pipe: str, standing: Standing, since: datetime | None) -> None:
    row = {"state": standing.state, "stopped_by": standing.stopped_by, "reason": standing.reason}
    PipeLease.objects.filter(pk=pipe).update(**row, since=since)
