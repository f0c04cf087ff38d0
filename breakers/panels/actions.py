"""How actions fare, for their noun's page and for REST: desired and actual, the last error, the last calls."""

from typing import Any

from breakers.actions import KINDS
from breakers.actions.sentences import sentence
from breakers.documents.actions import document
from breakers.models import Action
from breakers.models.actions import following
from controlplane.aws.models import AwsCall, Holding
from controlplane.kernel.clock import rfc3339, to_ms

CALLS = 5


def state(action: Action) -> dict[str, Any]:
    """As REST tells it. An action without a holding is idle: disabled, or with nothing to say at this level."""
    row = Holding.objects.filter(key=f"action:{action.slug}").first()
    calls = AwsCall.objects.filter(by=f"action:{action.slug}")[:CALLS]
    return {
        "status": "idle" if row is None else row.status,
        "desired": None if row is None else row.desired,
        "actual": None if row is None else row.actual or None,
        "seen_at": None if row is None else rfc3339(row.seen_at),
        "since": None if row is None else rfc3339(row.since),
        "attempts": 0 if row is None else row.attempts,
        "error": None if row is None else row.error or None,
        "next_try_at": None if row is None or not row.error else rfc3339(row.due_at),
        "calls": [
            {"at": rfc3339(call.at), "call": call.call, "outcome": call.outcome, "detail": call.detail}
            for call in calls
        ],
    }


def rows(subject: str) -> list[dict[str, Any]]:
    """The actions that follow `subject`, for its page."""
    return listed(following(subject))


def listed(actions: list[Action]) -> list[dict[str, Any]]:
    """Actions as a page shows them."""
    held = {row.key: row for row in Holding.objects.filter(key__in=[f"action:{action.slug}" for action in actions])}
    return [_row(action, held.get(f"action:{action.slug}")) for action in actions]


def _row(action: Action, row: Holding | None) -> dict[str, Any]:
    return {
        "action": action,
        "named": KINDS[action.kind].named,
        "sentence": sentence(document(action)),
        "status": "disabled" if not action.enabled else "idle" if row is None else row.status,
        "holding": row,
        "seen_ms": None if row is None or row.seen_at is None else to_ms(row.seen_at),
        "due_ms": None if row is None else to_ms(row.due_at),
        "last": AwsCall.objects.filter(by=f"action:{action.slug}").first(),
    }
