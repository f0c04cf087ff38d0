"""How what is held at AWS fares, for /readyz and the board. It is never `down`: circuits do without it."""

from __future__ import annotations

from typing import Any, Literal

from django.db import DatabaseError

from controlplane.aws.models import Holding

Told = tuple[Literal["ok", "warning", "down"], str, Any]
MOST_NAMED = 3


def held(fleet: list[dict[str, Any]] | None) -> dict[str, Told]:
    """Nothing is said when nothing is held."""
    try:
        rows = list(Holding.objects.values_list("title", "error", "reached"))
    except DatabaseError:
        return {}
    if not rows:
        return {}
    failing = [f"{title} ({error})" for title, error, _ in rows if error]
    value = {"held": len(rows), "reached": sum(reached for _, _, reached in rows), "failing": len(failing)}
    if failing:
        return {"aws": ("warning", f"cannot be brought about: {'; '.join(failing[:MOST_NAMED])}", value)}
    return {"aws": ("ok", f"{value['reached']} of {len(rows)} hold", value)}
