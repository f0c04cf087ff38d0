"""Health: is this process alive, and is what it depends on there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.conf import settings
from django.db import DatabaseError, connection

from controlplane.config import keys
from controlplane.config.models import ConfigHead
from controlplane.kernel import seams, valkey

WORKER_FRESH_MS = 3_000
BEAT_LATE_S = 15.0


@dataclass(frozen=True)
class Finding:
    """One dependency. `down` makes the control plane unready; `warning` is for people."""

    status: Literal["ok", "warning", "down"]
    detail: str
    value: Any = None


def findings() -> dict[str, Finding]:
    """Every dependency by name: database, valkey, config, beat, workers, and what HEALTH_SOURCES add."""
    number, database = _database()
    try:
        client = valkey.shared()
        now_ms = valkey.server_ms(client)
        published, beat_ms, fleet = _run_time(client)
    except valkey.Away as error:
        unknown = Finding("warning", "unknown while Valkey is away")
        down = Finding("down", f"no answer: {error}")
        found = {"database": database, "valkey": down, "config": unknown, "beat": unknown, "workers": unknown}
        return found | _added(None)
    return {
        "database": database,
        "valkey": Finding("ok", "answers"),
        "config": _config(number, published),
        "beat": _beat(now_ms, beat_ms),
        "workers": _workers(now_ms, fleet),
        **_added([worker for worker in fleet if now_ms - worker.get("at_ms", 0) <= WORKER_FRESH_MS]),
    }


def _added(fleet: list[dict[str, Any]] | None) -> dict[str, Finding]:
    """What the floors above know; `fleet` holds the fresh reports of workers, None while Valkey is away."""
    found: dict[str, Finding] = {}
    for path in settings.HEALTH_SOURCES:
        found |= {name: Finding(*told) for name, told in seams.resolve(path)(fleet).items()}
    return found


def document(found: dict[str, Finding]) -> dict[str, Any]:
    """What /readyz answers."""
    statuses = {finding.status for finding in found.values()}
    overall = "down" if "down" in statuses else "warning" if "warning" in statuses else "ok"
    return {"status": overall, "checks": {name: asdict(finding) for name, finding in found.items()}}


def _database() -> tuple[int | None, Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        number = ConfigHead.objects.filter(pk=1).values_list("number", flat=True).first() or 0
        return number, Finding("ok", f"{connection.vendor} answers")
    except DatabaseError as error:
        return None, Finding("down", f"no answer: {type(error).__name__}")


def _run_time(client: Any) -> tuple[int | None, int | None, list[dict[str, Any]]]:
    """The published version, beat's last tick, and every worker's last heartbeat."""
    pipe = client.pipeline(transaction=False)
    pipe.get(keys.head())
    pipe.get(valkey.named("beat"))
    pipe.hvals(valkey.named("fleet"))
    head, beat, fleet = pipe.execute()
    return (
        int(head) if head is not None else None,
        int(beat) if beat is not None else None,
        [json.loads(worker) for worker in fleet],
    )


def _config(number: int | None, published: int | None) -> Finding:
    value = {"version": number, "published": published}
    if number is None:
        return Finding("warning", "the newest version is unknown while the database is away", value)
    if (published or 0) != number:
        return Finding("warning", f"Valkey holds version {published or 0}, the newest is {number}", value)
    return Finding("ok", f"version {number} is published", value)


def _beat(now_ms: int, beat_ms: int | None) -> Finding:
    if beat_ms is None:
        return Finding("warning", "beat never ticked")
    age = round((now_ms - beat_ms) / 1000, 1)
    if age > BEAT_LATE_S:
        return Finding("warning", f"last tick {age:g} s ago: probes and expiries may be late", age)
    return Finding("ok", f"last tick {age:g} s ago", age)


def _workers(now_ms: int, fleet: list[dict[str, Any]]) -> Finding:
    fresh = [worker for worker in fleet if now_ms - worker.get("at_ms", 0) <= WORKER_FRESH_MS]
    counts: dict[str, int] = {}
    for worker in fresh:
        kind = str(worker.get("kind", "unknown"))
        counts[kind] = counts.get(kind, 0) + 1
    if not counts.get("frontdoor"):
        return Finding("warning", "no front door was seen within 3 s", counts)
    return Finding("ok", ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())), counts)
