"""Loops: those that nothing ends, and those that turn as often as their data says."""

from collections.abc import Iterator, Mapping

from compositions.asl.outline import BRANCH, Edge, State

from .findings import WARNING, Finding, Subject


def unbounded(subject: Subject) -> Iterator[Finding]:
    outline = subject.outline
    states = {state.path: state for state in outline.states}
    edges = [edge for edge in outline.edges if edge.kind != BRANCH]
    for loop in _loops(outline.looping, edges):
        first = next(path for path in states if path in loop)
        names = ", ".join(states[path].name for path in states if path in loop)
        if not _is_left(loop, edges, states):
            text = f"No way leads out of the loop {names}. Leave it by a Choice, or end a state of it."
            yield Finding(first, "endless_loop", text, WARNING)
        elif subject.is_express or not any(states[path].kind == "Wait" for path in loop):
            text = (
                f"The loop {names} turns as often as its data says, without a Wait. Count the rounds and leave it by "
                "a Choice, or let Retry repeat a task."
            )
            yield Finding(first, "unbounded_loop", text, WARNING)


def _loops(looping: tuple[str, ...], edges: list[Edge]) -> Iterator[set[str]]:
    """The states on loops, in groups that hang together."""
    ways: dict[str, set[str]] = {path: set() for path in looping}
    for edge in edges:
        if edge.source in ways and edge.target in ways:
            ways[edge.source].add(edge.target)
            ways[edge.target].add(edge.source)
    left = dict.fromkeys(looping)
    while left:
        group: set[str] = set()
        waiting = [next(iter(left))]
        while waiting:
            path = waiting.pop()
            if path not in group:
                group.add(path)
                waiting += ways[path]
        for path in group:
            left.pop(path, None)
        yield group


def _is_left(loop: set[str], edges: list[Edge], states: Mapping[str, State]) -> bool:
    leaves = any(edge.source in loop and edge.target not in loop for edge in edges)
    return leaves or any(states[path].is_end for path in loop)
