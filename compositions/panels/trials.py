"""A tried run as its page shows it: what each state got and gave, whom it met, and the way it took; pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from compositions.diagrams.overlay import STATUSES, Seen
from compositions.panels.checked import as_json

# The words of a trace, in those of diagrams.
_WORDS: Final = {"SUCCEEDED": "passed", "CAUGHT": "caught", "FAILED": "failed"}
# Of several visits the one that is shown in the diagram.
_WORST: Final = ("failed", "caught", "cancelled", "cached", "passed")
MOST_TEXT: Final = 20_000
MOST_VISITS: Final = 200

FORCED: Final = {
    "": "as it is",
    "open": "forced open",
    "slow": "slow",
    "stale": "stale answers",
    "failing": "failing",
}

Step = Mapping[str, Any]


class Visit(NamedTuple):
    """One visit of a state; `anchor` is its place on the page.

    `input` is empty where it is the run's own, `output` where there was none.
    """

    anchor: str
    name: str
    path: str
    status: str
    sign: str
    words: str
    which: str
    ms: float | None
    attempts: int
    input: str
    output: str
    error: str
    cause: str
    calls: Sequence[Mapping[str, Any]]


class Trial(NamedTuple):
    """`visits` in the order in which they began; `seen` and `taken` are for the diagram, `first` for its links."""

    visits: Sequence[Visit]
    seen: Mapping[str, Seen]
    taken: frozenset[tuple[str, str]]
    first: Mapping[str, str]
    left_out: int = 0


def trial(trace: Sequence[Step]) -> Trial:
    own = _text(trace[0].get("input")) if trace else ""
    visits = [_visit(number, step, own) for number, step in enumerate(trace, 1)]
    seen: dict[str, Seen] = {}
    first: dict[str, str] = {}
    for visit in visits:
        first.setdefault(visit.path, f"#{visit.anchor}")
        before = seen.get(visit.path)
        seen[visit.path] = _together(before, Seen(visit.status, visit.attempts, visit.ms))
    taken = {(step["path"], f"{_scope(step['path'])}/States/{step['next']}") for step in trace if step.get("next")}
    return Trial(visits[:MOST_VISITS], seen, frozenset(taken), first, max(0, len(visits) - MOST_VISITS))


def _visit(number: int, step: Step, own: str) -> Visit:
    calls = step.get("met") or []
    given = _text(step.get("input"))
    status = _status(step["status"], calls)
    began, ended = step.get("started_ms"), step.get("ended_ms")
    items = ", ".join(f"item {index + 1}" for index in step.get("item") or ())
    again = f"visit {step['number']}" if step.get("number", 1) > 1 else ""
    return Visit(
        anchor=f"visit-{number}",
        name=step["state"],
        path=step["path"],
        status=status,
        sign=STATUSES[status].sign,
        words=STATUSES[status].words,
        which=", ".join(part for part in (items, again) if part),
        ms=None if began is None or ended is None else ended - began,
        attempts=step.get("attempts", 1),
        input="" if number > 1 and given == own else given,
        output=_text(step.get("output")) if status not in ("failed", "cancelled") else "",
        error=step.get("error") or "",
        cause=step.get("cause") or "",
        calls=calls,
    )


def _status(told: str, calls: Iterable[Mapping[str, Any]]) -> str:
    status = _WORDS.get(told, "cancelled")
    kept = [call for call in calls if call.get("source") in ("cache", "projection", "static")]
    return "cached" if status == "passed" and kept else status


def _together(before: Seen | None, now: Seen) -> Seen:
    if before is None:
        return now
    status = min(before.status, now.status, key=_WORST.index)
    spans = [span for span in (before.ms, now.ms) if span is not None]
    return Seen(status, before.attempts + now.attempts, sum(spans) if spans else None)


def _scope(path: str) -> str:
    return path.rpartition("/States/")[0]


def _text(value: Any) -> str:
    text = as_json(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n… {len(text) - MOST_TEXT:,} characters more"
