"""Which layer each node of a graph stands in: every way leads downwards, save those that close a loop."""

from collections.abc import Sequence
from typing import NamedTuple


class Layering(NamedTuple):
    """`layer` by node; `backward` says by link whether it leads up again (or to its own node)."""

    layer: list[int]
    backward: list[bool]


def layering(count: int, links: Sequence[tuple[int, int]]) -> Layering:
    """Loops are cut where a walk from the first node meets itself; then each node stands below all that lead to it.

    The first node has the uppermost layer for itself.
    """
    ways: list[list[int]] = [[] for _ in range(count)]
    for index, (source, _) in enumerate(links):
        ways[source].append(index)
    backward = [False] * len(links)
    finished: list[int] = []
    colour = [0] * count  # 0 not met, 1 on the walk, 2 left behind
    for root in range(count):
        if colour[root]:
            continue
        colour[root] = 1
        walk = [(root, iter(ways[root]))]
        while walk:
            node, rest = walk[-1]
            index = next(rest, -1)
            if index < 0:
                walk.pop()
                colour[node] = 2
                finished.append(node)
                continue
            target = links[index][1]
            if colour[target] == 1:
                backward[index] = True
            elif not colour[target]:
                colour[target] = 1
                walk.append((target, iter(ways[target])))
    layer = [min(1, node) for node in range(count)]
    for node in reversed(finished):
        for index in ways[node]:
            if not backward[index]:
                target = links[index][1]
                layer[target] = max(layer[target], layer[node] + 1)
    return Layering(layer, backward)
