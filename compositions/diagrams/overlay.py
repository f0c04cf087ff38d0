"""What a run made of each state, and which ways it took; the same words for runs in memory and durable executions."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from compositions.asl.outline import CATCH, Edge


class Seen(NamedTuple):
    """What became of a state: a status of STATUSES, its attempts, and how long it took in all."""

    status: str
    attempts: int = 1
    ms: float | None = None


class Status(NamedTuple):
    """How a status is shown; the sign has a shape of its own, so that colour alone says nothing."""

    sign: str
    words: str
    left_by: str = ""  # "way": what follows was reached from it; "catch": what handles its error was


NOT_REACHED: Final = "not_reached"

STATUSES: Final[dict[str, Status]] = {
    "passed": Status("✓", "passed", "way"),
    "cached": Status("◔", "passed, from cache", "way"),
    "caught": Status("↷", "failed, and its error was caught", "catch"),
    "failed": Status("✕", "failed"),
    "running": Status("▸", "running"),
    "waiting": Status("◷", "waiting"),
    "parked": Status("‖", "parked until its circuit closes"),
    "cancelled": Status("⊘", "cancelled"),
    NOT_REACHED: Status("", "not reached"),
}

Overlay = Mapping[str, Seen]


def status_of(seen: Overlay | None, path: str) -> str:
    """Empty without an overlay."""
    if seen is None:
        return ""
    found = seen.get(path)
    return found.status if found is not None and found.status in STATUSES else NOT_REACHED


def took(seen: Overlay | None, edge: Edge, taken: Collection[tuple[str, str]] | None) -> bool:
    """Whether a run went this way. Where the run did not tell its ways (`taken`), its states do."""
    if seen is None:
        return False
    source, target = status_of(seen, edge.source), status_of(seen, edge.target)
    if target == NOT_REACHED:
        return False
    if taken is not None and (edge.source, edge.target) not in taken:
        return False
    left_by = STATUSES[source].left_by
    return left_by == ("catch" if edge.kind == CATCH else "way")


def told(seen: Seen | None) -> str:
    """`42 ms, 3 attempts`."""
    if seen is None:
        return ""
    parts = [_span(seen.ms)] if seen.ms is not None else []
    if seen.attempts > 1:
        parts.append(f"{seen.attempts} attempts")
    return ", ".join(parts)


def brief(seen: Seen | None) -> str:
    """`42 ms ×3`: the same where there is little room."""
    if seen is None:
        return ""
    span = _span(seen.ms) if seen.ms is not None else ""
    return f"{span} ×{seen.attempts}".strip() if seen.attempts > 1 else span


def _span(ms: float) -> str:
    if ms >= 60_000:
        return f"{ms / 60_000:,.1f} min"
    if ms >= 10_000:
        return f"{ms / 1000:.1f} s"
    if ms < 0.1:
        return "<0.1 ms"
    return f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
