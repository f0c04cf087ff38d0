"""The same as the picture in words: each state in order, what it does, where it leads, what a run made of it."""

from typing import Final, NamedTuple

from compositions.asl.outline import BRANCH, CATCH, CHOICE, DEFAULT, Edge, State
from compositions.diagrams.drawing import Diagram
from compositions.diagrams.overlay import STATUSES, status_of, told

_WORDS: Final = {
    CHOICE: "if {label}: ",
    DEFAULT: "otherwise ",
    CATCH: "on {label}: ",
    BRANCH: "branch {label} begins at ",
}


class Told(NamedTuple):
    """A state in words. `ways` are sentences; `status` and `result` are empty without a run."""

    path: str
    name: str
    detail: str
    depth: int
    is_reached: bool
    ways: tuple[str, ...]
    status: str = ""
    sign: str = ""
    result: str = ""


def listing(diagram: Diagram) -> list[Told]:
    states = {state.path: state for state in diagram.outline.states}
    ways: dict[str, list[str]] = {}
    for edge in sorted(diagram.outline.edges, key=lambda edge: edge.kind != BRANCH):  # what is inside comes first
        ways.setdefault(edge.source, []).append(_way(edge, states))
    depths = {box.state.path: box.depth for box in diagram.boxes}
    shown = [box.state for box in diagram.boxes] or list(diagram.outline.states)
    return [_told(state, depths.get(state.path, 0), ways.get(state.path, []), diagram) for state in shown]


def _told(state: State, depth: int, ways: list[str], diagram: Diagram) -> Told:
    status = status_of(diagram.seen, state.path)
    ends = ["fails the run"] if state.kind == "Fail" else ["ends"] if state.is_end else []
    seen = diagram.seen.get(state.path) if diagram.seen is not None else None
    return Told(
        state.path,
        state.name,
        diagram.detail(state),
        depth,
        state.is_reached,
        (*ways, *ends),
        status,
        STATUSES[status].sign if status else "",
        ", ".join(part for part in (STATUSES[status].words, told(seen)) if part) if status else "",
    )


def _way(edge: Edge, states: dict[str, State]) -> str:
    words = _WORDS.get(edge.kind, "then ").format(label=edge.label)
    if edge.kind == BRANCH and not edge.label:
        words = "each item begins at "
    return f"{words}{states[edge.target].name}"
