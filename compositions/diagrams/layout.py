"""Places nodes of a graph in layers and lays its links between them: no two boxes overlap, no line crosses a box.

A link that spans several layers gets a column of its own in each, and a label stands in a layer between two layers of
nodes, so that nothing is ever drawn over something else. A link that leads up again leaves below its source, turns,
and comes in above its target.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from compositions.diagrams.columns import columns
from compositions.diagrams.layering import layering
from compositions.diagrams.ordering import order

GAP = 28  # between layers
BESIDE = 24  # between neighbours of a layer
LANE = 12  # width of a link's column
LABEL = 18  # height of a label

Point = tuple[int, int]


class Link(NamedTuple):
    """From one node to another; `label` is the width of its label, 0 for none."""

    source: int
    target: int
    label: int = 0


class Curve(NamedTuple):
    """One piece of a way: straight where the controls lie on the line between its ends."""

    start: Point
    first: Point
    second: Point
    end: Point


class Way(NamedTuple):
    """How a link is drawn, and where the middle of its label is."""

    curves: tuple[Curve, ...]
    label: Point | None = None


class Layout(NamedTuple):
    """`places` are the upper left corners of the nodes, in their order; `ways` are in the order of the links."""

    width: int
    height: int
    places: tuple[Point, ...]
    ways: tuple[Way, ...]


def lay(sizes: Sequence[tuple[int, int]], links: Sequence[Link]) -> Layout:
    """`sizes` are width and height of the nodes; widths are even. The first node is where walks begin."""
    return _Laying(sizes, links).laid()


class _Laying:
    """Items are the nodes, then labels and columns of links as they are met."""

    def __init__(self, sizes: Sequence[tuple[int, int]], links: Sequence[Link]) -> None:
        self._links = links
        self._count = len(sizes)
        self._widths = [width for width, _ in sizes]
        self._heights = [height for _, height in sizes]
        found = layering(len(sizes), [(link.source, link.target) for link in links])
        self._backward = found.backward
        labelled = {found.layer[link.source] for link in links if link.label}
        # A layer of labels follows each layer whose links have some.
        rows, at = [], 0
        for layer in range(max(found.layer, default=-1) + 1):
            rows.append(at)
            at += 2 if layer in labelled else 1
        self._layers: list[list[int]] = [[] for _ in range(at)]
        self._row = [rows[layer] for layer in found.layer]
        self._above: dict[int, list[int]] = {}
        self._pulls: dict[int, list[tuple[int, float]]] = {}
        self._chains: list[list[int]] = []
        self._columns: list[list[int]] = []  # by link, from its source on
        self._labels: list[int | None] = []

    def laid(self) -> Layout:
        for node in range(self._count):
            self._layers[self._row[node]].append(node)
        for link, backward in zip(self._links, self._backward, strict=True):
            (self._up if backward else self._down)(link)
        layers = order(self._layers, self._above)
        middles = columns(layers, self._widths, self._pulls, self._chains, BESIDE)
        tops, bottoms = self._levels(middles)
        rows = [0] * len(self._widths)
        for row, layer in enumerate(layers):
            for item in layer:
                rows[item] = row
        drawn = _Drawn(middles, self._heights, rows, tops, bottoms)
        places = tuple((middles[node] - self._widths[node] // 2, tops[rows[node]]) for node in range(self._count))
        ways = []
        for index, link in enumerate(self._links):
            trace = drawn.up if self._backward[index] else drawn.down
            label = self._labels[index]
            middle = None if label is None else (middles[label], tops[rows[label]] + LABEL // 2)
            ways.append(Way(_joined(trace([link.source, *self._columns[index], link.target], label)), middle))
        right = (middles[item] + (self._widths[item] + 1) // 2 for layer in layers for item in layer)
        last = bottoms[-1] if bottoms else 0
        turns = any(self._backward[i] and drawn.lowest(self._columns[i]) == len(tops) - 1 for i in range(len(ways)))
        return Layout(max(right, default=0), last + (GAP if turns else 0), places, tuple(ways))

    def _item(self, row: int, width: int, height: int) -> int:
        self._widths.append(width)
        self._heights.append(height)
        self._layers[row].append(len(self._widths) - 1)
        return len(self._widths) - 1

    def _label(self, link: Link) -> int | None:
        return self._item(self._row[link.source] + 1, link.label + link.label % 2, LABEL) if link.label else None

    def _down(self, link: Link) -> None:
        label = self._label(link)
        first = self._row[link.source] + (1 if label is None else 2)
        own = [] if label is None else [label]
        own += [self._item(row, LANE, 0) for row in range(first, self._row[link.target])]
        self._columns.append(own)
        self._labels.append(label)
        self._join([link.source, *own, link.target])

    def _up(self, link: Link) -> None:
        label = self._label(link)
        lowest = self._row[link.source] + (0 if label is None else 1)
        own = [self._item(row, LANE, 0) for row in range(lowest, self._row[link.target] - 1, -1)]
        self._columns.append(own if label is None else [label, *own])
        self._labels.append(label)
        self._join(own[::-1])
        if label is not None:
            self._join([link.source, label])
        # The turns hold the column near what it joins.
        self._pull(own[0], label if label is not None else link.source, 1)
        self._pull(own[-1], link.target, 1)

    def _join(self, chain: Sequence[int]) -> None:
        self._chains.append(list(chain))
        for upper, lower in pairwise(chain):
            self._above.setdefault(lower, []).append(upper)
            inner = (upper >= self._count) + (lower >= self._count)
            strength = (1.0, 2.0, 8.0)[inner]
            self._pull(lower, upper, strength)
            self._pull(upper, lower, strength)

    def _pull(self, item: int, other: int, strength: float) -> None:
        self._pulls.setdefault(item, []).append((other, strength))

    def _levels(self, middles: Sequence[int]) -> tuple[list[int], list[int]]:
        """Top and bottom of each layer; where lines go far sideways there is more room between."""
        farthest = [0] * len(self._layers)
        for row, layer in enumerate(self._layers):
            for item in layer:
                for upper in self._above.get(item, ()):
                    farthest[row] = max(farthest[row], abs(middles[item] - middles[upper]))
        tops, bottoms, at = [], [], 0
        for row, layer in enumerate(self._layers):
            at += (GAP + min(28, farthest[row] // 20)) if row else 0
            tops.append(at)
            at += max((self._heights[item] for item in layer), default=0)
            bottoms.append(at)
        return tops, bottoms


class _Drawn(NamedTuple):
    middles: Sequence[int]
    heights: Sequence[int]
    rows: Sequence[int]
    tops: Sequence[int]
    bottoms: Sequence[int]

    def lowest(self, items: Sequence[int]) -> int:
        return max((self.rows[item] for item in items), default=-1)

    def down(self, chain: Sequence[int], label: int | None) -> list[Curve]:
        curves: list[Curve] = []
        for upper, lower in pairwise(chain):
            curves += self._through(upper, is_first=upper == chain[0])
            curves.append(self._bend(self._foot(upper), self._head(lower)))
        return curves

    def up(self, chain: Sequence[int], label: int | None) -> list[Curve]:
        source, *own, target = chain
        curves = list(self._through(source, is_first=True))
        start = source
        if label is not None:
            own = own[1:]
            curves.append(self._bend(self._foot(source), self._head(label)))
            curves.append(_straight(self._head(label), self._foot(label)))
            start = label
        curves.append(self._turn(self._foot(start), self._foot(own[0]), GAP - 6))
        for item, upper in zip(own, [*own[1:], None], strict=True):
            curves.append(_straight(self._foot(item), self._head(item)))
            if upper is not None:
                curves.append(self._bend(self._head(item), self._foot(upper)))
        curves.append(self._turn(self._head(own[-1]), self._head(target), 6 - GAP))
        return curves

    def _head(self, item: int) -> Point:
        return self.middles[item], self.tops[self.rows[item]]

    def _foot(self, item: int) -> Point:
        return self.middles[item], self.bottoms[self.rows[item]]

    def _through(self, item: int, *, is_first: bool) -> list[Curve]:
        """From the box's own bottom, or for a column from the layer's top, down to the layer's bottom."""
        x, top = self._head(item)
        start = (x, top + self.heights[item] if is_first else top)
        return [_straight(start, self._foot(item))] if start != self._foot(item) else []

    def _bend(self, start: Point, end: Point) -> Curve:
        if start[0] == end[0]:
            return _straight(start, end)
        middle = (start[1] + end[1]) // 2
        return Curve(start, (start[0], middle), (end[0], middle), end)

    def _turn(self, start: Point, end: Point, depth: int) -> Curve:
        return Curve(start, (start[0], start[1] + depth), (end[0], end[1] + depth), end)


def _straight(start: Point, end: Point) -> Curve:
    return Curve(start, start, end, end)


def _joined(curves: Sequence[Curve]) -> tuple[Curve, ...]:
    """Straight pieces below each other are one."""
    found: list[Curve] = []
    for curve in curves:
        if found and _is_upright(found[-1]) and _is_upright(curve) and found[-1].start[0] == curve.start[0]:
            found[-1] = _straight(found[-1].start, curve.end)
        else:
            found.append(curve)
    return tuple(found)


def _is_upright(curve: Curve) -> bool:
    return curve.first == curve.start and curve.second == curve.end and curve.start[0] == curve.end[0]
