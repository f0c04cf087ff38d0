"""An outline as boxes, lanes and lines with places: machines inside a state stand in its box, each in a lane."""

import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from compositions.asl.outline import BRANCH, Edge, Outline, State
from compositions.diagrams.layout import Layout, Link, Point, Way, lay
from compositions.diagrams.overlay import Overlay, status_of, took
from compositions.diagrams.wording import (
    DETAIL_WIDTH,
    MOST_DETAIL,
    MOST_LABEL,
    MOST_NAME,
    NAME_WIDTH,
    cut,
    detail,
    width,
)

# A picture of more than this is no help; the list beside it says the same.
MOST_DRAWN: Final = 300
MARGIN: Final = 12
LINE: Final = 17
PADDING: Final = 10
LEAST_WIDTH: Final = 128
MARK: Final = 12  # where a machine inside a state starts
PILL: Final = (64, 26)  # where the whole machine starts and ends

_HOLDER: Final = re.compile(r"/(?:Branches\[\d+\]|ItemProcessor|Iterator)$")
START, END = "start", "end"


class Box(NamedTuple):
    """A state. What holds machines is a frame around their lanes, with its words at the top."""

    state: State
    x: int
    y: int
    width: int
    height: int
    name: str
    detail: str
    is_frame: bool
    depth: int


class Lane(NamedTuple):
    """A machine inside a state; `path` is its scope, and `holder` the state's path."""

    path: str
    holder: str
    x: int
    y: int
    width: int
    height: int


class Mark(NamedTuple):
    """Where a machine starts, and where the whole one ends: the middle of a dot, or a pill with a word."""

    scope: str
    kind: str
    x: int
    y: int


class Line(NamedTuple):
    """A way between two states, or from a start and to the end (`edge` is None for those)."""

    scope: str
    way: Way
    edge: Edge | None
    source: str
    target: str
    label: str = ""
    is_taken: bool = False


class Diagram(NamedTuple):
    """Everything with its place in pixels. `boxes` hold what is inside them right after themselves."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    outline: Outline
    seen: Overlay | None = None
    details: Mapping[str, str] = {}

    @property
    def is_drawn(self) -> bool:
        return bool(self.boxes)

    def detail(self, state: State) -> str:
        return self.details.get(state.path) or detail(state)


class _Inside(NamedTuple):
    """A machine laid out: its nodes are the start, the states in order, and for the whole one the end."""

    scope: str
    holder: str
    states: list[State]
    layout: Layout
    lines: list[tuple[Edge | None, str, str]]


def draw(
    outline: Outline,
    seen: Overlay | None = None,
    *,
    taken: Collection[tuple[str, str]] | None = None,
    details: Mapping[str, str] | None = None,
) -> Diagram:
    """`seen` is what a run made of the states, by path; `taken` its ways where they are known: (source, target).

    `details` are second lines of boxes, by path, where the caller knows more than the outline tells.
    """
    bare = Diagram(0, 0, (), (), (), (), outline, seen, details or {})
    if not outline.states or outline.is_truncated or len(outline.states) > MOST_DRAWN:
        return bare
    return _Drawing(bare, taken).drawn()


class _Drawing:
    def __init__(self, bare: Diagram, taken: Collection[tuple[str, str]] | None) -> None:
        self._bare = bare
        self._seen = bare.seen
        self._taken = taken
        outline = bare.outline
        self._scopes: dict[str, list[State]] = {}
        for state in outline.states:
            self._scopes.setdefault(state.scope, []).append(state)
        self._inner: dict[str, list[str]] = {}
        for scope in self._scopes:
            if scope != "/":
                self._inner.setdefault(_HOLDER.sub("", scope), []).append(scope)
        known = {state.path: state.scope for state in outline.states}
        self._edges: dict[str, list[Edge]] = {}
        for edge in outline.edges:
            if edge.kind != BRANCH:
                self._edges.setdefault(known[edge.source], []).append(edge)
        self._laid: dict[str, _Inside] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def drawn(self) -> Diagram:
        for scope in reversed(self._scopes):  # what is inside comes first
            self._lay(scope)
        boxes: list[Box] = []
        lanes: list[Lane] = []
        marks: list[Mark] = []
        lines: list[Line] = []
        whole = self._laid["/"].layout
        waiting: list[tuple[str, Point, int] | Box] = [("/", (MARGIN, MARGIN), 0)]
        while waiting:
            place = waiting.pop()
            if isinstance(place, Box):
                boxes.append(place)
                inside = self._lanes(place)
                lanes += inside
                places = [self._within(lane, place.depth + 1) for lane in inside]
                waiting += reversed(places)
            else:
                scope, origin, depth = place
                marks += self._marks(scope, origin)
                lines += self._lines(scope, origin)
                waiting += reversed(self._boxes(scope, origin, depth))
        return self._bare._replace(
            width=whole.width + 2 * MARGIN,
            height=whole.height + 2 * MARGIN,
            boxes=tuple(boxes),
            lanes=tuple(lanes),
            marks=tuple(marks),
            lines=tuple(lines),
        )

    def _lay(self, scope: str) -> None:
        states = self._scopes[scope]
        is_whole = scope == "/"
        node = {state.path: index + 1 for index, state in enumerate(states)}
        sizes = [PILL if is_whole else (MARK, MARK), *(self._size(state) for state in states)]
        links: list[Link] = []
        lines: list[tuple[Edge | None, str, str]] = []
        for state in states:
            if state.is_start:
                links.append(Link(0, node[state.path]))
                lines.append((None, START, state.path))
        for edge in self._edges.get(scope, ()):
            label = cut(edge.label, MOST_LABEL)
            links.append(Link(node[edge.source], node[edge.target], _label_width(label)))
            lines.append((edge, edge.source, edge.target))
        ends = [state for state in states if state.is_end and state.kind != "Fail"] if is_whole else []
        if ends:
            sizes.append(PILL)
            for state in ends:
                links.append(Link(node[state.path], len(sizes) - 1))
                lines.append((None, state.path, END))
        self._laid[scope] = _Inside(scope, _HOLDER.sub("", scope), states, lay(sizes, links), lines)

    def _size(self, state: State) -> tuple[int, int]:
        told = max(
            width(cut(state.name, MOST_NAME), NAME_WIDTH) + 16,  # room for the sign of what became of it
            width(cut(self._bare.detail(state), MOST_DETAIL), DETAIL_WIDTH),
        )
        own = max(LEAST_WIDTH, told + 2 * PADDING + 4)
        height = self._head() + 8
        inner = [self._laid[scope].layout for scope in self._inner.get(state.path, ())]
        if inner:
            lanes = sum(layout.width + 2 * PADDING for layout in inner) + PADDING * (len(inner) + 1)
            own = max(own, lanes)
            height = self._head() + max(layout.height for layout in inner) + 4 * PADDING - 4
        size = (own + own % 2, height)
        self._sizes[state.path] = size
        return size

    def _head(self) -> int:
        """Height of a box's lines: with a run there is a third."""
        return LINE * (2 if self._seen is None else 3) + 6

    def _boxes(self, scope: str, origin: Point, depth: int) -> list[tuple[str, Point, int] | Box]:
        inside = self._laid[scope]
        found: list[tuple[str, Point, int] | Box] = []
        for state, (x, y) in zip(inside.states, inside.layout.places[1:], strict=False):
            found.append(
                Box(
                    state,
                    origin[0] + x,
                    origin[1] + y,
                    *self._sizes[state.path],
                    cut(state.name, MOST_NAME),
                    cut(self._bare.detail(state), MOST_DETAIL),
                    state.path in self._inner,
                    depth,
                )
            )
        return found

    def _lanes(self, box: Box) -> list[Lane]:
        scopes = self._inner.get(box.state.path, [])
        widths = [self._laid[scope].layout.width + 2 * PADDING for scope in scopes]
        spare = (box.width - sum(widths) - PADDING * (len(scopes) + 1)) // max(1, len(scopes))
        lanes, x = [], box.x + PADDING
        for scope, own in zip(scopes, widths, strict=True):
            y = box.y + self._head() + PADDING // 2
            lanes.append(Lane(scope, box.state.path, x, y, own + spare, box.y + box.height - PADDING - y))
            x += own + spare + PADDING
        return lanes

    def _within(self, lane: Lane, depth: int) -> tuple[str, Point, int]:
        layout = self._laid[lane.path].layout
        return lane.path, (lane.x + (lane.width - layout.width) // 2, lane.y + PADDING), depth

    def _marks(self, scope: str, origin: Point) -> list[Mark]:
        inside = self._laid[scope]
        half = (PILL[0] // 2, PILL[1] // 2) if scope == "/" else (MARK // 2, MARK // 2)
        places = {START: inside.layout.places[0]}
        if len(inside.layout.places) > len(inside.states) + 1:
            places[END] = inside.layout.places[-1]
        return [Mark(scope, kind, origin[0] + x + half[0], origin[1] + y + half[1]) for kind, (x, y) in places.items()]

    def _lines(self, scope: str, origin: Point) -> list[Line]:
        inside = self._laid[scope]
        return [
            Line(
                scope,
                _moved(way, origin),
                edge,
                source,
                target,
                cut(edge.label, MOST_LABEL) if edge is not None else "",
                self._is_taken(edge, source, target),
            )
            for way, (edge, source, target) in zip(inside.layout.ways, inside.lines, strict=True)
        ]

    def _is_taken(self, edge: Edge | None, source: str, target: str) -> bool:
        if edge is not None:
            return took(self._seen, edge, self._taken)
        state = target if source == START else source
        status = status_of(self._seen, state)
        return status in ("passed", "cached") if target == END else status not in ("", "not_reached")


def _label_width(label: str) -> int:
    return width(label, DETAIL_WIDTH) + 8 if label else 0


def _moved(way: Way, origin: Point) -> Way:
    dx, dy = origin
    curves = tuple(type(c)(*((x + dx, y + dy) for x, y in c)) for c in way.curves)
    return Way(curves, None if way.label is None else (way.label[0] + dx, way.label[1] + dy))
