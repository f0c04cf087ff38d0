"""What a turn needs to know of pipes, and what has waited for too long; found by partial indexes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from django.db import connection, transaction

from compositions.models import Intent
from compositions.models.intents import IntentStatus
from controlplane.kernel import clock

from .claims import COLUMNS, INTENT, OLDEST_FIRST, WAITING, select, skipping

# Each half of what waits has an index of its own, and these other states have one. In an index's own words no row is
# read, which is a hundred times cheaper for a long backlog than the same by parameters.
COUNTED: Final = {
    IntentStatus.ACCEPTED: (WAITING, "status = 'ACCEPTED' AND held"),
    IntentStatus.RUNNING: ("status = 'RUNNING'",),
    IntentStatus.DEAD: ("status = 'DEAD'",),
}


def counts(pipes: Sequence[str], status: IntentStatus) -> dict[str, int]:
    """How many intents of each pipe are in this state, one of COUNTED."""
    found = dict.fromkeys(pipes, 0)
    if not found:
        return found
    these = ", ".join(["%s"] * len(found))
    with connection.cursor() as cursor:
        for part in COUNTED[status]:
            sql = f"SELECT pipe, COUNT(*) FROM {INTENT} WHERE {part} AND pipe IN ({these}) GROUP BY pipe"
            cursor.execute(sql, list(found))
            for pipe, count in cursor.fetchall():
                found[pipe] += count
    return found


class Look(msgspec.Struct, frozen=True):
    """What a turn needs to know of a pipe: executions under way, and whether anything waits."""

    running: int
    waits: bool


def look(pipes: Sequence[str]) -> dict[str, Look]:
    running = counts(pipes, IntentStatus.RUNNING)
    return {pipe: Look(running[pipe], oldest(pipe) is not None) for pipe in pipes}


def oldest(pipe: str) -> datetime | None:
    """When the intent that waits for longest was accepted."""
    rows = select(
        f"SELECT {COLUMNS} FROM {INTENT} WHERE pipe = %s AND {WAITING} ORDER BY {OLDEST_FIRST} LIMIT 1", [pipe]
    )
    return rows[0].accepted_at if rows else None


def held_keys(pipe: str) -> set[str]:
    """Order keys behind whose first intent others are held."""
    held = Intent.objects.filter(pipe=pipe, status=IntentStatus.ACCEPTED, held=True).order_by()
    return set(held.values_list("order_key", flat=True).distinct())


def age(pipe: str, max_age_s: float, most: int = 200) -> int:
    """What has waited for too long is a dead letter."""
    sql = f"SELECT {COLUMNS} FROM {INTENT} WHERE pipe = %s AND {WAITING} ORDER BY {OLDEST_FIRST} LIMIT %s{skipping()}"
    now = clock.now()
    with transaction.atomic():
        first = select(sql, [pipe, most])
        aged = [one.id for one in first if (now - one.accepted_at).total_seconds() > max_age_s]
        text = f"It had waited for longer than {max_age_s:g} s."
        Intent.objects.filter(pk__in=aged).update(status=IntentStatus.DEAD, reason=text, ended_at=now)
    return len(aged)
