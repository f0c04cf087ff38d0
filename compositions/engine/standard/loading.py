"""Takes up executions with everything that a life of them needs: their version, and what they were told before."""

from datetime import timedelta
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import Min

from compositions.asl import InvalidDefinition
from compositions.models import Execution
from controlplane.kernel import clock

from . import claims
from .claims import Claimed
from .journal import Memory, Tally
from .versions import Version, Versions

UNUSABLE_AGAIN_S = 60

log = structlog.get_logger(__name__)


class Loaded(NamedTuple):
    row: Claimed
    version: Version
    memory: Memory
    number: int


def load(worker: str, most: int, versions: Versions, configuration: int) -> tuple[list[Loaded], float]:
    """What is due and was taken up, and the seconds until the next is due."""
    claimed = claims.claim(worker, most)
    loaded = _loaded(claimed, versions, configuration)
    if len(claimed) == most:
        return loaded, 0.0
    following = Execution.objects.filter(wake_at__isnull=False).aggregate(first=Min("wake_at"))["first"]
    return loaded, max(0.0, (following - claims.database_now()).total_seconds()) if following else float("inf")


def load_one(worker: str, execution: str, versions: Versions, configuration: int) -> Loaded | None:
    claimed = claims.claim_one(worker, execution)
    return next(iter(_loaded([claimed], versions, configuration)), None) if claimed else None


def _loaded(claimed: list[Claimed], versions: Versions, configuration: int) -> list[Loaded]:
    told = claims.remembered([row.id for row in claimed if row.fence > 1])
    loaded = []
    for row in claimed:
        memory, number = Memory(), 0
        memory.tally = Tally(row.caught, row.caught, row.calls_done, row.calls_undone)
        try:
            version = versions.find(row.composition, row.version, configuration)
            for line, text in told.get(row.id, ()):
                memory.learn(text)
                number = line
        except (InvalidDefinition, LookupError, ValueError) as error:
            log.error("execution_unusable", execution=row.id, error=str(error))
            _put_back(row, str(error))
            continue
        loaded.append(Loaded(row, version, memory, number))
    return loaded


def _put_back(row: Claimed, why: str) -> None:
    """It cannot be lived here; perhaps by another release of the product."""
    with transaction.atomic():
        mine = Execution.objects.filter(pk=row.id, fence=row.fence)
        mine.update(owner="", wake_at=clock.now() + timedelta(seconds=UNUSABLE_AGAIN_S), parked_why=why[:500])
