"""How exact the limits are right now: whether some act by their own choice because a store is away."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.db import DatabaseError
from django.db.models import Q

from breakers.models import Stage, Throttle, UsagePlan

Told = tuple[Literal["ok", "warning", "down"], str, Any]

CHOICES = {"open": "let requests pass uncounted", "closed": "refuse", "local": "share by front door"}
AWAY = {
    "rates": "Valkey does not answer in time for rates",
    "quotas": "the database does not answer for quotas",
    "rules": "Valkey does not answer for the windows of request rules",
}


def limits(fleet: list[dict[str, Any]] | None) -> dict[str, Told]:
    """What /readyz says. `fleet` holds the fresh reports of all processes, None while Valkey is away."""
    told = warning(fleet or [], fleet is not None)
    if told:
        return {"limits": ("warning", told, choices())}
    return {"limits": ("ok", "all limits are exact", None)}


def warning(fleet: Iterable[Mapping[str, Any]], store_ok: bool) -> str:
    """One sentence for people when limits are not exact, else nothing."""
    doors = {report["id"]: report.get("inexact") or () for report in fleet if report.get("kind") == "frontdoor"}
    if store_ok and not any(doors.values()):
        return ""
    if store_ok:
        why = "; ".join(
            f"{text} (front door {', '.join(sorted(door for door, names in doors.items() if name in names))})"
            for name, text in AWAY.items()
            if any(name in names for names in doors.values())
        )
    else:
        why = "Valkey does not answer"
    found = choices()
    if found is None:
        return f"Limits are not exact: {why}. Each acts as its plan, stage or throttle says."
    if not found:
        return "" if not store_ok else f"Not exact: {why}."
    acting = ", ".join(f"{count} {CHOICES[choice]} ({choice})" for choice, count in sorted(found.items()))
    return f"Limits are not exact: {why}. Of those that are set, {acting}."


def choices() -> dict[str, int] | None:
    """How many plans, stages and throttles say what for this case; None while the database is away."""
    limited = Q(rate__isnull=False) | Q(quota_limit__isnull=False) | Q(overrides__isnull=False)
    try:
        plans = UsagePlan.objects.filter(limited).distinct().values_list("slug", "on_store_error")
        stages = Stage.objects.filter(rate__isnull=False).values_list("slug", "on_store_error")
        throttles = Throttle.objects.values_list("slug", "on_store_error")
        return dict(Counter(choice for _, choice in (*plans, *stages, *throttles)))
    except DatabaseError:
        return None
