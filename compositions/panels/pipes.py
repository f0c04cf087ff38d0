"""How pipes stand, for pages: state, what waits, how fast it drains, and what became of the last day's intents."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Count
from redis.exceptions import RedisError

from breakers.store.backlogs import Backlog, read_backlogs
from compositions import backlogs, redaction
from compositions.intake import ids
from compositions.models import Intent, Pipe
from compositions.models.intents import IntentStatus
from controlplane.kernel import clock, valkey
from controlplane.kernel.clock import rfc3339

DAY = timedelta(days=1)
FUNNEL = (
    (IntentStatus.ACCEPTED, "wait", "calm"),
    (IntentStatus.RUNNING, "under way", "calm"),
    (IntentStatus.SUCCEEDED, "succeeded", "good"),
    (IntentStatus.PARTIAL, "in part", "warn"),
    (IntentStatus.FAILED, "failed", "warn"),
    (IntentStatus.DEAD, "dead letters", "bad"),
)


class Step(msgspec.Struct):
    """One step of the funnel; `share` in percent of all, at least a sliver where there is anything."""

    status: str
    words: str
    tone: str
    count: int
    share: float


class PipeRow(msgspec.Struct):
    """A pipe as it stands now. `live` is what REST tells; `rate_per_s` None: as fast as it goes."""

    pipe: Any
    live: dict[str, Any]
    draining: bool = False
    rate_per_s: float | None = None
    paused: bool = False
    seen: bool = True

    @property
    def journey(self) -> str:
        return self.pipe.journey or self.pipe.slug

    @property
    def stopped(self) -> bool:
        return bool(self.live["current_state"] == "STOPPED")

    @property
    def since(self) -> datetime | None:
        return datetime.fromisoformat(self.live["since"]) if self.live["since"] else None

    @property
    def oldest_ms(self) -> float | None:
        return _ms(self.live["oldest_age_s"])

    @property
    def eta_ms(self) -> float | None:
        return _ms(self.live["eta_s"])

    @property
    def state(self) -> str:
        """As circuits are coloured: what a circuit stopped is red, what a person stopped is an order."""
        if not self.stopped:
            return "HALF_OPEN" if self.draining else "CLOSED"
        return "FORCED_OPEN" if self.live["stopped_by"] == "operator" else "OPEN"

    @property
    def sign(self) -> str:
        return {"CLOSED": "●", "HALF_OPEN": "◐", "OPEN": "○", "FORCED_OPEN": "■"}[self.state]


def rows(pipes: Iterable[Pipe]) -> list[PipeRow]:
    """Stopped ones first, then by title."""
    found = list(pipes)
    live, reported, now_ms = backlogs.live(found), _reported(), clock.now_ms()
    told = [_row(pipe, live[pipe.slug], reported.get(pipe.slug), now_ms) for pipe in found]
    return sorted(told, key=lambda row: (not row.stopped, str(row.pipe).lower()))


def funnel(slug: str) -> tuple[list[Step], int]:
    """What became of the intents that were accepted in the last day, and how many those were."""
    recent = Intent.objects.filter(pipe=slug, pk__gte=ids.since(clock.now() - DAY)).order_by()
    counts = dict(recent.values_list("status").annotate(count=Count("pk")))
    total = sum(counts.values())
    return [
        Step(status, words, tone, n := counts.get(status, 0), _share(n, total)) for status, words, tone in FUNNEL
    ], total


def _share(count: int, total: int) -> float:
    return max(0.5, 100 * count / total) if count else 0.0


def shown_body(intent: Intent) -> str:
    """The body as people may see it."""
    if not intent.body:
        return ""
    hidden = redaction.redacted(msgspec.json.decode(intent.body))
    return msgspec.json.format(msgspec.json.encode(hidden), indent=2).decode()


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def told(intent: Intent) -> dict[str, Any]:
    """What whoever knows the intent's id is told now, beside the flag of its journey."""
    return {
        "status": intent.status,
        "accepted_at": rfc3339(intent.accepted_at),
        "ended_at": rfc3339(intent.ended_at) if intent.ended_at else None,
        "outcome": msgspec.json.decode(intent.outcome) if intent.outcome else None,
    }


def _row(pipe: Pipe, live: dict[str, Any], report: Backlog | None, now_ms: float) -> PipeRow:
    if report is None or not report.fresh(now_ms):
        return PipeRow(pipe, live, seen=False)
    paused = report.paused_until_ms is not None and report.paused_until_ms > now_ms
    return PipeRow(pipe, live, report.draining, report.rate_per_s, paused)


def _reported() -> dict[str, Backlog]:
    try:
        return read_backlogs(valkey.shared(), settings.KEY_PREFIX)
    except (RedisError, OSError):
        return {}
