"""Where each item of a layer stands from left to right: near what it is joined to, and never nearer than allowed.

Each pass moves a layer to the places its neighbours wish for it; the least total shift that keeps the distances is
found exactly, by pooling adjacent violators (isotonic regression). At the end whatever is nearly straight is made so.
"""

from collections.abc import Mapping, Sequence

PASSES = 10
WORK = 10_000
INFINITE = float("inf")
SMALL = 600
NEARLY = 30  # a step aside of no more than this is no step, where there is room


def columns(
    layers: Sequence[Sequence[int]],
    widths: Sequence[int],
    pulls: Mapping[int, Sequence[tuple[int, float]]],
    chains: Sequence[Sequence[int]],
    gap: int,
) -> list[int]:
    """The middle of every item, the leftmost edge at 0. `pulls` gives for an item (other, strength).

    `chains` are items that should stand straight below each other, each from top to bottom.
    """
    middles = [0.0] * len(widths)
    steps = [_steps(layer, widths, gap) for layer in layers]
    for layer, offsets in zip(layers, steps, strict=True):
        width = offsets[-1] if offsets else 0
        for item, offset in zip(layer, offsets, strict=True):
            middles[item] = offset - width / 2
    items = sum(len(layer) for layer in layers)
    for sweep in range(max(3, min(PASSES, WORK // max(1, items)))):
        turns = list(zip(layers, steps, strict=True))
        for layer, offsets in turns if sweep % 2 == 0 else reversed(turns):
            _settle(layer, offsets, middles, pulls)
    placed = [0] * len(widths)
    for layer, offsets in zip(layers, steps, strict=True):
        for item, offset in zip(layer, offsets, strict=True):
            placed[item] = round(middles[item] - offset) + offset  # distances stay whole and kept
    for _ in range(2 if items <= SMALL else 1):  # what moved may have made room for others
        _straighten(layers, widths, placed, chains, gap)
    left = min((placed[item] - widths[item] // 2 for layer in layers for item in layer), default=0)
    return [place - left for place in placed]


def _steps(layer: Sequence[int], widths: Sequence[int], gap: int) -> list[int]:
    """How far each item must at least stand from the first one of its layer."""
    offsets, at = [], 0
    for index, item in enumerate(layer):
        if index:
            at += (widths[layer[index - 1]] + widths[item]) // 2 + gap
        offsets.append(at)
    return offsets


def _settle(
    layer: Sequence[int],
    offsets: Sequence[int],
    middles: list[float],
    pulls: Mapping[int, Sequence[tuple[int, float]]],
) -> None:
    pools: list[tuple[float, float, int]] = []  # (wanted place, weight, how many items)
    for item, offset in zip(layer, offsets, strict=True):
        weight, wanted = 0.001, 0.001 * middles[item]
        for other, strength in pulls.get(item, ()):
            weight += strength
            wanted += strength * middles[other]
        pool = (wanted / weight - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            before = pools.pop()
            total = before[1] + pool[1]
            pool = ((before[0] * before[1] + pool[0] * pool[1]) / total, total, before[2] + pool[2])
        pools.append(pool)
    at = 0
    for place, _, size in pools:
        for index in range(at, at + size):
            middles[layer[index]] = place + offsets[index]
        at += size


def _straighten(
    layers: Sequence[Sequence[int]],
    widths: Sequence[int],
    placed: list[int],
    chains: Sequence[Sequence[int]],
    gap: int,
) -> None:
    """Each chain is cut into the longest runs whose items have room below each other, and those are set straight."""
    beside: dict[int, tuple[int | None, int | None]] = {}
    for layer in layers:
        for index, item in enumerate(layer):
            before = layer[index - 1] if index else None
            beside[item] = (before, layer[index + 1] if index + 1 < len(layer) else None)

    def room(item: int) -> tuple[float, float]:
        before, after = beside[item]
        least = -INFINITE if before is None else placed[before] + (widths[before] + widths[item]) // 2 + gap
        most = INFINITE if after is None else placed[after] - (widths[after] + widths[item]) // 2 - gap
        return least, most

    for chain in chains:
        run: list[int] = []
        least, most = -INFINITE, INFINITE
        for item in chain:
            low, high = room(item)
            near = not run or abs(placed[item] - placed[run[-1]]) <= NEARLY
            if run and (not near or max(least, low) > min(most, high)):
                _set(run, placed, least, most)
                run, least, most = [], -INFINITE, INFINITE
            run.append(item)
            least, most = max(least, low), min(most, high)
        _set(run, placed, least, most)


def _set(run: Sequence[int], placed: list[int], least: float, most: float) -> None:
    wanted = sorted(placed[item] for item in run)[len(run) // 2] if run else 0
    for item in run:
        placed[item] = int(min(max(wanted, least), most))
