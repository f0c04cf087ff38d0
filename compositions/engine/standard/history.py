"""The journal as an event history, in the vocabulary of Step Functions (GetExecutionHistory), oldest first.

Each event has its number, time, type and details, as there; `place` says where in the definition it happened, as the
outline and diagrams write it, with the index of each Map item around it. What Step Functions has no word for: TaskHeld
and TaskResumed (we refused to call, and for how long), RetryScheduled, ErrorCaught, ExecutionPutOff,
ExecutionTried (a trial that failed) and TaskResultCameLate.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from compositions.asl import errors
from compositions.asl.ports import Key
from compositions.asl.values import Json
from compositions.engine.places import state_path
from compositions.models import Execution
from compositions.models.executions import ExecutionStatus
from controlplane.kernel.clock import rfc3339, to_ms

from .journal import Happening

Details = dict[str, Any]
_ENDS: Final = {
    ExecutionStatus.SUCCEEDED: "ExecutionSucceeded",
    ExecutionStatus.PARTIAL: "ExecutionSucceeded",
    ExecutionStatus.TIMED_OUT: "ExecutionTimedOut",
    ExecutionStatus.ABORTED: "ExecutionAborted",
}
_INNER: Final = {"branches": "Parallel", "items": "Map"}


class Event(msgspec.Struct):
    """`at_ms` since 1970; `details` under the name that Step Functions gives them, e.g. stateEnteredEventDetails."""

    id: int
    at_ms: int
    type: str
    details_name: str = ""
    details: Details = {}
    state: str = ""
    place: str = ""
    items: tuple[int, ...] = ()
    attempt: int = 0

    def document(self) -> Details:
        told: Details = {"id": self.id, "timestamp": rfc3339(self.at_ms), "type": self.type}
        if self.details_name:
            told[self.details_name] = self.details
        if self.place:
            told |= {"state": self.state, "place": self.place, "items": list(self.items), "attempt": self.attempt}
        return told


class _Telling:
    """Turns happenings into events; the output of a state is known from the entry of the one that follows."""

    def __init__(self, definition: Mapping[str, Json]) -> None:
        self._definition = definition
        self._kinds: dict[str, str] = {}
        self._value: Json = None
        self._left: dict[Key, Event] = {}
        self._resources: dict[Key, Details] = {}
        self.events: list[Event] = []

    def add(self, type: str, at_ms: int, name: str = "", details: Details | None = None, **where: Any) -> Event:
        event = Event(len(self.events) + 1, at_ms, type, name, details or {}, **where)
        self.events.append(event)
        return event

    def happened(self, what: str, path: Key, attempt: int, at_ms: int, told: Mapping[str, Any]) -> None:
        if what == "checkpoint":
            self._value = told["at"]["value"]
            return
        teller = _TELLERS.get(what.rstrip("0123456789 "))  # "parked 2" is the second of its kind
        if teller is None:
            return
        where: dict[str, Any] = {}
        kind = ""
        if path:
            place, items = state_path(path, self._definition)
            kind = self._kind(place)
            where = {"state": path[-1][0], "place": place, "items": items, "attempt": attempt}
        teller(self, kind, path, at_ms, told, where)

    def entered(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        value = told.get("input", self._value) if len(path) > 1 else self._value
        left = self._left.pop(path[:-1], None)
        if left is not None:
            left.details["output"] = value
        details = {"name": path[-1][0], "input": value}
        self.add(f"{kind}StateEntered", at_ms, "stateEnteredEventDetails", details, **where)
        if kind in _INNER.values():
            self.add(f"{kind}StateStarted", at_ms, **where)

    def exited(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        details = {"name": path[-1][0]} | ({"output": told["output"]} if "output" in told else {})
        event = self.add(f"{kind}StateExited", at_ms, "stateExitedEventDetails", details, **where)
        if "output" not in told:
            self._left[path[:-1]] = event

    def scheduled(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        resource = self._resources[path] = _resource(told["resource"])
        details = resource | {"parameters": told["parameters"]}
        for ours, theirs in (("timeout_s", "timeoutInSeconds"), ("heartbeat_s", "heartbeatInSeconds")):
            if ours in told:
                details[theirs] = told[ours]
        self.add("TaskScheduled", at_ms, "taskScheduledEventDetails", details, **where)
        self.add("TaskStarted", at_ms, "taskStartedEventDetails", resource, **where)

    def called(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        details = dict(self._resources.get(path, {}))
        if "error" not in told:
            details |= {"output": told["output"]} | ({"met": told["met"]} if "met" in told else {})
            self.add("TaskSucceeded", at_ms, "taskSucceededEventDetails", details, **where)
            return
        timed_out = told["error"] == errors.TIMEOUT
        details |= {"error": told["error"], "cause": told["cause"]}
        name = "TimedOut" if timed_out else "Failed"
        self.add(f"Task{name}", at_ms, f"task{name}EventDetails", details, **where)

    def late(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        details = {"error": errors.HEARTBEAT_TIMEOUT if told.get("heartbeat") else errors.TIMEOUT}
        if path:
            self.add("TaskTimedOut", at_ms, "taskTimedOutEventDetails", details, **where)

    def submitted(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        self.add("TaskSubmitted", at_ms, "taskSubmittedEventDetails", dict(told), **where)

    def decided(self, kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
        if "error" in told:
            details = {"error": told["error"], "cause": told["cause"]}
            name = f"{kind[:1].lower()}{kind[1:]}StateFailedEventDetails"
            self.add(f"{kind}StateFailed", at_ms, name, details, **where)
        else:
            self.add(f"{kind}StateSucceeded", at_ms, **where)

    def plain(self, type: str) -> Callable[..., None]:
        name = f"{type[:1].lower()}{type[1:]}EventDetails"

        def tell(kind: str, path: Key, at_ms: int, told: Mapping[str, Any], where: Any) -> None:
            self.add(type, at_ms, name, dict(told), **where)

        return tell

    def _kind(self, place: str) -> str:
        if place not in self._kinds:
            found: Any = self._definition
            for step in place.strip("/").replace("[", "/").replace("]", "").split("/"):
                if isinstance(found, list):
                    found = found[int(step)] if step.isdigit() and int(step) < len(found) else None
                else:
                    found = found.get(step) if isinstance(found, Mapping) else None
            self._kinds[place] = str(found.get("Type", "")) if isinstance(found, Mapping) else ""
        return self._kinds[place]


def _plain(type: str) -> Callable[..., None]:
    return lambda telling, *rest: telling.plain(type)(*rest)


_TELLERS: Final[dict[str, Callable[..., None]]] = {
    "entered": _Telling.entered,
    "exited": _Telling.exited,
    "scheduled": _Telling.scheduled,
    "call": _Telling.called,
    "late": _Telling.late,
    "token": _Telling.submitted,
    "submitted": _Telling.submitted,
    "child": _Telling.submitted,
    "branches": _Telling.decided,
    "items": _Telling.decided,
    "retrying": _plain("RetryScheduled"),
    "caught": _plain("ErrorCaught"),
    "parked": _plain("TaskHeld"),
    "resumed": _plain("TaskResumed"),
    "put off": _plain("ExecutionPutOff"),
    "tried": _plain("ExecutionTried"),
    "redriven": _plain("ExecutionRedriven"),
    "late result": _plain("TaskResultCameLate"),
}


def history(row: Execution, definition: Mapping[str, Json], happenings: Iterable[Happening]) -> list[Event]:
    """Every event of an execution, from what its journal tells in the order of its rows."""
    telling = _Telling(definition)
    given = {"input": msgspec.json.decode(row.input), "composition": row.composition, "version": row.version}
    telling.add("ExecutionStarted", to_ms(row.started_at), "executionStartedEventDetails", given)
    for what, path, attempt, at_ms, told in happenings:
        telling.happened(what, path, attempt, at_ms, told)
    if row.ended_at is not None:
        type = _ENDS.get(ExecutionStatus(row.status), "ExecutionFailed")
        details: Details = {"status": row.status}
        if row.output:
            details["output"] = msgspec.json.decode(row.output)
        else:
            details |= {"error": row.error, "cause": row.cause}
        telling.add(type, to_ms(row.ended_at), f"{type[:1].lower()}{type[1:]}EventDetails", details)
    return telling.events


def _resource(resource: str) -> Details:
    """`arn:aws:states:::http:invoke` is resource `invoke` of type `http`, as Step Functions tells it."""
    kind, _, action = resource.rpartition(":::")[2].partition(":")
    return {"resourceType": kind, "resource": action} if action and ":::" in resource else {"resource": resource}
