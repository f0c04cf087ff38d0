"""An execution's history as a person follows it: each step once, with what went in and came out, and its time line."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from compositions.diagrams.overlay import STATUSES, Seen
from compositions.engine.standard.history import Event
from compositions.redaction import redacted

CHART_WIDTH = 1000
LEAST_BAR = 2.0
ENDED = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")
FAILED = ("TaskFailed", "TaskTimedOut", "MapStateFailed", "ParallelStateFailed")
Where = tuple[str, tuple[int, ...]]


class Step(msgspec.Struct):
    """One visit of a state. `x` and `width` place its bar on the time line, in thousandths of the whole."""

    number: int
    place: str
    name: str
    items: tuple[int, ...]
    began_ms: int
    ended_ms: int | None = None
    status: str = "running"
    attempts: int = 1
    given: str = ""
    result: str = ""
    error: str = ""
    cause: str = ""
    waits: str = ""
    met: list[dict[str, Any]] = []
    x: float = 0.0
    width: float = 0.0

    @property
    def took_ms(self) -> int | None:
        return None if self.ended_ms is None else self.ended_ms - self.began_ms

    @property
    def sign(self) -> str:
        return STATUSES[self.status].sign

    @property
    def words(self) -> str:
        return STATUSES[self.status].words

    @property
    def depth(self) -> int:
        return self.place.count("/States/") - 1

    @property
    def item(self) -> str:
        return ", ".join(str(index) for index in self.items)

    @property
    def tone(self) -> str:
        return {"passed": "good", "cached": "good", "failed": "bad"}.get(self.status, "")


def steps(events: Iterable[Event], now_ms: float) -> list[Step]:
    """Every visit of a state in the order in which they began."""
    found: list[Step] = []
    open_: dict[Where, Step] = {}
    last_ms, over = 0, False
    for event in events:
        last_ms = event.at_ms
        if event.type in ENDED:
            over = True
        if not event.place:
            continue
        where = (event.place, event.items)
        if event.type.endswith("StateEntered"):
            step = Step(len(found) + 1, event.place, event.state, event.items, event.at_ms)
            step.given = _shown(event.details, "input")
            found.append(step)
            open_[where] = step
        elif (known := open_.get(where)) is not None:
            _learn(known, event)
    for step in found:
        if step.ended_ms is None and over:
            step.ended_ms = last_ms
            step.status = "failed" if step.error else "cancelled"
    _place(found, last_ms if over else int(now_ms))
    return found


def overlay(found: Iterable[Step]) -> dict[str, Seen]:
    """What became of each state, for the diagram: of several visits the one that says most."""
    seen: dict[str, Seen] = {}
    for step in found:
        before = seen.get(step.place)
        total = (before.ms or 0) + (step.took_ms or 0) if before else step.took_ms
        worst = step.status if before is None or _weight(step.status) >= _weight(before.status) else before.status
        seen[step.place] = Seen(worst, max(step.attempts, before.attempts if before else 1), total)
    return seen


def event_lines(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as lines: number, time, type, where, and details without secrets."""
    return [
        {
            "id": event.id,
            "at_ms": event.at_ms,
            "type": event.type,
            "state": event.state,
            "items": ", ".join(map(str, event.items)),
            "attempt": event.attempt,
            "details": pretty(redacted(event.details)) if event.details else "",
        }
        for event in events
    ]


def pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _learn(step: Step, event: Event) -> None:
    details = event.details
    match event.type:
        case "TaskScheduled":
            step.attempts, step.waits = event.attempt + 1, ""
            step.status, step.error = "running", ""
        case "TaskSucceeded":
            step.met = [dict(one) for one in details.get("met", ())]
            step.error = step.cause = ""
        case kind if kind in FAILED:
            step.error, step.cause = str(details.get("error") or ""), str(redacted(details.get("cause") or ""))
        case "TaskSubmitted":
            step.status = "waiting"
        case "TaskHeld":
            step.status, step.waits = "parked", str(redacted(details.get("why") or details.get("reason") or ""))
        case "TaskResumed":
            step.status, step.waits = "running", ""
        case "ErrorCaught":
            step.status, step.ended_ms = "caught", event.at_ms
            step.error = step.error or str(details.get("error") or "")
        case kind if kind.endswith("StateExited"):
            step.ended_ms, step.waits = event.at_ms, ""
            step.result = _shown(details, "output")
            if step.status != "caught":
                cached = any(one.get("source") in ("cache", "static", "projection") for one in step.met)
                step.status = "cached" if cached else "passed"


def _shown(details: Mapping[str, Any], name: str) -> str:
    return pretty(redacted(details[name])) if name in details else ""


def _weight(status: str) -> int:
    order = ("cancelled", "passed", "cached", "caught", "running", "waiting", "parked", "failed")
    return order.index(status) if status in order else 0


def _place(found: list[Step], until_ms: int) -> None:
    if not found:
        return
    began = found[0].began_ms
    whole = max(1, max(until_ms, *(step.ended_ms or 0 for step in found)) - began)
    for step in found:
        step.x = round((step.began_ms - began) / whole * CHART_WIDTH, 1)
        ended = step.ended_ms if step.ended_ms is not None else until_ms
        step.width = round(max(LEAST_BAR, (ended - step.began_ms) / whole * CHART_WIDTH), 1)
