"""What a message says of an alarm: CloudWatch's, as SNS or EventBridge carry it, or our own plain form. Pure.

{"AlarmName", "NewStateValue", "NewStateReason", "StateChangeTime"}              CloudWatch through SNS
{"detail-type": "CloudWatch Alarm State Change", "id", "time",
 "detail": {"alarmName", "state": {"value", "reason", "timestamp"}}}             CloudWatch through EventBridge
{"alarm", "state", "reason", "at", "id"}                                         ours; "at" and "id" may be left out
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
CHANGE = "CloudWatch Alarm State Change"


class Alarm(msgspec.Struct, frozen=True):
    """`id` tells one message from another, if the sender gave one; `at` is when the alarm changed its state."""

    name: str
    state: str
    reason: str = ""
    at: datetime | None = None
    id: str = ""


def read(document: Any) -> Alarm | None:
    """The alarm that a document tells of; None when it tells of none."""
    if not isinstance(document, Mapping):
        return None
    if "AlarmName" in document:
        name, state, why = (document.get(key) for key in ("AlarmName", "NewStateValue", "NewStateReason"))
        return _alarm(name, state, why, document.get("StateChangeTime"), "")
    if document.get("detail-type") == CHANGE and isinstance(detail := document.get("detail"), Mapping):
        given = detail.get("state")
        told: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        at = told.get("timestamp") or document.get("time")
        return _alarm(detail.get("alarmName"), told.get("value"), told.get("reason"), at, document.get("id"))
    if "alarm" in document:
        name, state, why, at, id = (document.get(key) for key in ("alarm", "state", "reason", "at", "id"))
        return _alarm(name, state, why, at, id)
    return None


def _alarm(name: Any, state: Any, reason: Any, at: Any, id: Any) -> Alarm | None:
    if not isinstance(name, str) or not name or state not in STATES:
        return None
    return Alarm(name, state, str(reason or ""), moment(at), str(id or ""))


def moment(text: Any) -> datetime | None:
    """A time as AWS writes it, with Z, +0000 or +00:00; without a zone it is UTC. None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def matching(rules: list[dict[str, str]], name: str) -> str | None:
    """The target that the first fitting rule gives to an alarm; a rule may end in * for any rest."""
    for rule in rules:
        pattern = rule["alarm"]
        if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
            return rule["target"]
    return None
