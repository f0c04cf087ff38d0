"""The shape of a definition for diagrams and reviews: states, edges, what is reached, whom tasks call, longest time.

It takes definitions that are not valid as well and shows what can be seen of them. Nothing recurses, and no more than
MOST_STATES states are looked at.

Longest time: the greatest sum of the states' own bounds over any way from StartAt to an end. A Task counts its
TimeoutSeconds for each attempt and the delays between them, a Wait its Seconds, a Parallel its slowest branch, a Map
one item. States on a loop count once, and states without a bound count nothing; both are listed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from compositions.asl.bounds import attempts, longest_way, seconds_of
from compositions.asl.values import Json

MOST_STATES: Final = 10_000

NEXT: Final = "next"
CHOICE: Final = "choice"
DEFAULT: Final = "default"
CATCH: Final = "catch"
BRANCH: Final = "branch"

# The argument that names whom a task calls, by the service and action in its Resource.
_ENDPOINTS: Final[dict[str, str]] = {
    "http:invoke": "ApiEndpoint",
    "lambda:invoke": "FunctionName",
    "states:startExecution": "StateMachineArn",
    "sqs:sendMessage": "QueueUrl",
    "sns:publish": "TopicArn",
}
_FINAL: Final = ("Succeed", "Fail")


class Endpoint(msgspec.Struct, frozen=True):
    """Whom a task calls; `address` is empty where only the run knows it."""

    resource: str
    address: str = ""
    method: str = ""
    is_computed: bool = False


class State(msgspec.Struct, frozen=True):
    """`path` is the state's place, which edges use; `scope` the place of the machine that holds it."""

    path: str
    name: str
    kind: str
    scope: str
    comment: str = ""
    is_start: bool = False
    is_end: bool = False
    is_reached: bool = False
    endpoint: Endpoint | None = None
    seconds: float | None = None


class Edge(msgspec.Struct, frozen=True):
    """`label` is what the way depends on: error names, a rule in short, or the number of a branch."""

    source: str
    target: str
    kind: str
    label: str = ""


class Outline(msgspec.Struct, frozen=True):
    states: tuple[State, ...] = ()
    edges: tuple[Edge, ...] = ()
    longest_seconds: float = 0.0
    unbounded: tuple[str, ...] = ()
    looping: tuple[str, ...] = ()
    is_truncated: bool = False


class _Scope(msgspec.Struct):
    """A machine in the definition, and the state that holds it."""

    path: str
    machine: Mapping[str, Json]
    holder: str
    members: list[str]
    start: str = ""


def outline(definition: Json) -> Outline:
    drawing = _Drawing()
    drawing.draw(definition)
    return drawing.finished()


class _Drawing:
    def __init__(self) -> None:
        self._scopes: list[_Scope] = []
        self._states: dict[str, State] = {}
        self._raw: dict[str, Mapping[str, Json]] = {}
        self._edges: list[Edge] = []
        self._is_truncated = False

    def draw(self, definition: Json) -> None:
        if isinstance(definition, dict):
            self._scopes.append(_Scope("", definition, "", []))
        at = 0
        while at < len(self._scopes):  # machines inside are appended, so that a holder comes before what it holds
            self._scope(self._scopes[at])
            at += 1

    def _scope(self, scope: _Scope) -> None:
        states = scope.machine.get("States")
        states = states if isinstance(states, dict) else {}
        start = scope.machine.get("StartAt")
        if isinstance(start, str) and start in states:
            scope.start = f"{scope.path}/States/{start}"
        for name, raw in states.items():
            if len(self._states) >= MOST_STATES:
                self._is_truncated = True
                return
            if isinstance(raw, dict):
                path = f"{scope.path}/States/{name}"
                self._state(scope, path, str(name), raw)
                self._edges.extend(_edges(scope.path, path, raw, states))
                self._inner(path, raw)

    def _state(self, scope: _Scope, path: str, name: str, raw: Mapping[str, Json]) -> None:
        kind, comment = raw.get("Type"), raw.get("Comment")
        scope.members.append(path)
        self._raw[path] = raw
        self._states[path] = State(
            path=path,
            name=name,
            kind=kind if isinstance(kind, str) else "",
            scope=scope.path or "/",
            comment=comment if isinstance(comment, str) else "",
            is_start=path == scope.start,
            is_end=kind in _FINAL or raw.get("End") is True,
            endpoint=_endpoint(raw) if kind == "Task" else None,
            seconds=seconds_of(raw),
        )

    def _inner(self, path: str, raw: Mapping[str, Json]) -> None:
        for field, index, machine in _machines(raw):
            place = f"{path}/{field}" if index is None else f"{path}/{field}[{index}]"
            inner = _Scope(place, machine, path, [])
            self._scopes.append(inner)
            states, start = machine.get("States"), machine.get("StartAt")
            if isinstance(states, dict) and isinstance(start, str) and start in states:
                label = "" if index is None else str(index + 1)
                self._edges.append(Edge(path, f"{place}/States/{start}", BRANCH, label))

    def finished(self) -> Outline:
        edges = [edge for edge in self._edges if edge.target in self._states]
        reached = _reached(self._scopes[0].start, edges) if self._scopes else set()
        seconds, looping = self._times(edges)
        whole = self._scopes[0].path if self._scopes else ""
        return Outline(
            states=tuple(
                msgspec.structs.replace(state, is_reached=path in reached) for path, state in self._states.items()
            ),
            edges=tuple(edges),
            longest_seconds=seconds.get(whole, 0.0),
            unbounded=tuple(
                path for path, state in self._states.items() if state.seconds is None and not _holds(self._raw[path])
            ),
            looping=tuple(path for path in self._states if path in looping),
            is_truncated=self._is_truncated,
        )

    def _times(self, edges: list[Edge]) -> tuple[dict[str, float], set[str]]:
        """The longest time of each machine, innermost first, and every state on a loop."""
        ways: dict[str, list[str]] = {}
        for edge in edges:
            if edge.kind != BRANCH:
                ways.setdefault(edge.source, []).append(edge.target)
        seconds: dict[str, float] = {}
        slowest: dict[str, float] = {}
        looping: set[str] = set()
        for scope in reversed(self._scopes):
            own = {
                path: (self._states[path].seconds or 0.0) + slowest.get(path, 0.0) * attempts(self._raw[path])
                for path in scope.members
            }
            seconds[scope.path], loops = longest_way(scope.start, own, ways)
            looping |= loops
            slowest[scope.holder] = max(slowest.get(scope.holder, 0.0), seconds[scope.path])
        return seconds, looping


def _machines(raw: Mapping[str, Json]) -> Iterator[tuple[str, int | None, Mapping[str, Any]]]:
    if raw.get("Type") == "Parallel" and isinstance(raw.get("Branches"), list):
        for i, branch in enumerate(raw["Branches"]):
            if isinstance(branch, dict):
                yield "Branches", i, branch
    for field in ("ItemProcessor", "Iterator"):
        if raw.get("Type") == "Map" and isinstance(raw.get(field), dict):
            yield field, None, raw[field]


def _holds(raw: Mapping[str, Json]) -> bool:
    return raw.get("Type") in ("Parallel", "Map")


def _edges(scope: str, path: str, raw: Mapping[str, Json], states: Mapping[str, Json]) -> Iterator[Edge]:
    def edge(target: Json, kind: str, label: str = "") -> Iterator[Edge]:
        if isinstance(target, str) and target in states:
            yield Edge(path, f"{scope}/States/{target}", kind, label)

    yield from edge(raw.get("Next"), NEXT)
    for rule in _objects(raw.get("Choices")):
        yield from edge(rule.get("Next"), CHOICE, _rule(rule))
    yield from edge(raw.get("Default"), DEFAULT)
    for catcher in _objects(raw.get("Catch")):
        names = catcher.get("ErrorEquals")
        label = ", ".join(str(name) for name in names) if isinstance(names, list) else ""
        yield from edge(catcher.get("Next"), CATCH, label)


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _rule(rule: Mapping[str, Json]) -> str:
    """A Choice rule in a few words."""
    if isinstance(rule.get("Condition"), str):
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    for name, operand in rule.items():
        if name in ("And", "Or"):
            return f"{len(operand)} rules, {'all' if name == 'And' else 'any'}" if isinstance(operand, list) else name
        if name == "Not":
            return f"not {_comparison(operand)}" if isinstance(operand, dict) else "not"
    return _comparison(rule)


def _comparison(rule: Mapping[str, Json]) -> str:
    plain = {name: operand for name, operand in rule.items() if name not in ("Variable", "Next", "Comment", "Assign")}
    name, operand = next(iter(plain.items()), ("", ""))
    shown = operand if isinstance(operand, str | int | float | bool) else "…"
    return f"{rule.get('Variable', '')} {name} {shown}".strip()


def _endpoint(raw: Mapping[str, Json]) -> Endpoint:
    resource = raw.get("Resource")
    resource = resource if isinstance(resource, str) else ""
    action = ":".join(resource.split(":::", 1)[-1].split(".", 1)[0].split(":")[:2])
    wanted = _ENDPOINTS.get(action) if ":::" in resource else None
    given = raw.get("Arguments", raw.get("Parameters"))
    if wanted is None:
        return Endpoint(resource, address="" if ":::" in resource else resource)
    given = given if isinstance(given, dict) else {wanted: "{%"} if isinstance(given, str) else {}
    address, method = given.get(wanted, ""), given.get("Method", "")
    is_computed = f"{wanted}.$" in given or (isinstance(address, str) and address.startswith("{%"))
    return Endpoint(
        resource,
        address=address if isinstance(address, str) and not is_computed else "",
        method=method if isinstance(method, str) and not method.startswith("{%") else "",
        is_computed=is_computed,
    )


def _reached(start: str, edges: list[Edge]) -> set[str]:
    ways: dict[str, list[str]] = {}
    for edge in edges:
        ways.setdefault(edge.source, []).append(edge.target)
    reached, waiting = set(), [start] if start else []
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting.extend(ways.get(path, ()))
    return reached
