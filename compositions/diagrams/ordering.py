"""The order inside each layer: few lines cross, and equal graphs are ordered alike."""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

# Sweeps beyond these change little; large graphs get fewer, so that a page never waits for its picture.
MOST_SWEEPS, FEWEST_SWEEPS = 8, 2
WORK = 12_000


def order(layers: Sequence[Sequence[int]], above: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """The layers with their items moved. `above` gives for an item those of the layer above that lead to it."""
    present = [list(layer) for layer in layers]
    below: dict[int, list[int]] = {}
    for item, uppers in above.items():
        for one in uppers:
            below.setdefault(one, []).append(item)
    best, fewest = [list(layer) for layer in present], _crossings(present, above)
    items = sum(len(layer) for layer in present)
    for sweep in range(max(FEWEST_SWEEPS, min(MOST_SWEEPS, WORK // max(1, items)))):
        if not fewest:
            break
        if sweep % 2:
            for still, moving in pairwise(reversed(present)):
                _arrange(moving, still, below)
        else:
            for still, moving in pairwise(present):
                _arrange(moving, still, above)
        crossings = _crossings(present, above)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in present], crossings
    return best


def _arrange(moving: list[int], still: Sequence[int], towards: Mapping[int, Sequence[int]]) -> None:
    """Sort `moving` by the mean place of its neighbours in `still`; what has none keeps its place."""
    place = {item: index for index, item in enumerate(still)}
    scale = max(1, len(still)) / max(1, len(moving))
    wanted = {}
    for index, item in enumerate(moving):
        found = towards.get(item)
        wanted[item] = sum(place[other] for other in found) / len(found) if found else index * scale
    moving.sort(key=wanted.__getitem__)


def _crossings(layers: Sequence[Sequence[int]], above: Mapping[int, Sequence[int]]) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        place = {item: index for index, item in enumerate(upper)}
        met: list[int] = []
        for item in lower:
            places = [place[other] for other in above.get(item, ())]
            total += sum(len(met) - bisect_right(met, at) for at in places)
            for at in places:
                insort(met, at)
    return total
