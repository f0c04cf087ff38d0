"""How each pipe stands now, for pages and REST: counted in the database, judged by level, with the drain's forecast."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from breakers.core.states import State
from breakers.documents import circuits, rows
from breakers.store.backlogs import Backlog, read_backlogs
from breakers.store.board import read_board
from compositions import neighbours
from compositions.compiling import pipe_body
from compositions.dispatching import looking
from compositions.models import Pipe
from compositions.models.intents import IntentStatus
from compositions.standing import standing
from controlplane.kernel import clock, valkey
from controlplane.kernel.clock import rfc3339

Live = dict[str, Any]
COUNTED = {"waiting": IntentStatus.ACCEPTED, "running": IntentStatus.RUNNING, "dead": IntentStatus.DEAD}


def live(pipes: Iterable[Pipe]) -> dict[str, Live]:
    """By slug: state, who stopped it and why, backlog, oldest age, ETA, and the targets that it needs."""
    found = list(pipes)
    if not found:
        return {}
    around = neighbours.around()
    bodies = {pipe.slug: pipe_body(pipe, around) for pipe in found}
    states = effective({target for body in bodies.values() for target in body["targets"]})
    counts, oldest = _counts(list(bodies)), _oldest(list(bodies))
    reported = _reported()
    now = clock.now()
    answer: dict[str, Live] = {}
    for slug, body in bodies.items():
        stands = standing(body, states)
        report = reported.get(slug)
        since = report.since_ms if report and report.state == stands.state else None
        first = oldest.get(slug)
        answer[slug] = {
            "desired_state": body["desired_state"],
            "current_state": stands.state,
            "stopped_by": stands.stopped_by or None,
            "reason": stands.reason or None,
            "since": rfc3339(int(since)) if since else None,
            "targets": body["targets"],
            "backlog": counts[slug],
            "oldest_age_s": None if first is None else round((now - first).total_seconds(), 1),
            "eta_s": _eta_s(counts[slug]["waiting"], report),
        }
    return answer


def effective(slugs: Iterable[str]) -> dict[str, State]:
    """Effective states of these targets, read now."""
    found = list(rows.targets().filter(slug__in=list(slugs)))
    board = read_board(valkey.shared(), settings.KEY_PREFIX, [target.slug for target in found])
    return {target.slug: State(circuits.document(target, board, 0)["effective_state"]) for target in found}


def _counts(slugs: list[str]) -> dict[str, dict[str, int]]:
    """Each count looks only at what is counted: ended intents are many, and none of these."""
    counted = {name: looking.counts(slugs, status) for name, status in COUNTED.items()}
    return {slug: {name: counted[name][slug] for name in COUNTED} for slug in slugs}


def _oldest(slugs: list[str]) -> dict[str, Any]:
    """When the oldest waiting intent of each pipe was accepted."""
    return {slug: at for slug in slugs if (at := looking.oldest(slug)) is not None}


def _reported() -> dict[str, Backlog]:
    try:
        return read_backlogs(valkey.shared(), settings.KEY_PREFIX)
    except (RedisError, OSError):
        return {}


def _eta_s(waiting: int, report: Backlog | None) -> float | None:
    if not waiting:
        return 0.0
    if report is None or report.eta_s is None or not report.fresh(clock.now_ms()):
        return None
    return round(report.eta_s, 1)
