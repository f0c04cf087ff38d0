"""How long a state may take by its own fields, and the longest way through states that lead to each other."""

from collections.abc import Mapping, Sequence
from typing import Final

from compositions.asl.values import Json, is_number

_MOST_ATTEMPTS_COUNTED: Final = 1000


def seconds_of(raw: Mapping[str, Json]) -> float | None:
    """A state's own bound; None where there is none that can be known before the run."""
    kind = raw.get("Type")
    if kind == "Wait":
        return _number(raw.get("Seconds"))
    if kind == "Task":
        timeout = _number(raw.get("TimeoutSeconds"))
        return None if timeout is None else timeout * attempts(raw) + _delays(raw)
    return _delays(raw) if kind in ("Parallel", "Map") else 0.0


def _number(value: Json) -> float | None:
    return float(value) if is_number(value) and 0 <= value < 1e9 else None


def attempts(raw: Mapping[str, Json]) -> int:
    """How often a state may be tried."""
    return 1 + sum(_retries(retrier) for retrier in _retriers(raw))


def _retries(retrier: Mapping[str, Json]) -> int:
    most = _number(retrier.get("MaxAttempts", 3))
    return 0 if most is None else min(int(most), _MOST_ATTEMPTS_COUNTED)


def _delays(raw: Mapping[str, Json]) -> float:
    total = 0.0
    for retrier in _retriers(raw):
        delay = _number(retrier.get("IntervalSeconds", 1)) or 0.0
        rate = _number(retrier.get("BackoffRate", 2.0)) or 1.0
        most = _number(retrier.get("MaxDelaySeconds")) or 1e9
        for _ in range(_retries(retrier)):
            total += min(delay, most)
            delay = min(delay * rate, 1e9)
    return total


def _retriers(raw: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    retriers = raw.get("Retry")
    return [item for item in retriers if isinstance(item, dict)] if isinstance(retriers, list) else []


def longest_way(start: str, weights: Mapping[str, float], ways: Mapping[str, Sequence[str]]) -> tuple[float, set[str]]:
    """The greatest sum of weights from `start` on, and the nodes of `weights` that can lead back to themselves.

    Nodes on a loop are taken together and count once.
    """
    groups = _groups(weights, ways)
    best: dict[str, float] = {}
    looping: set[str] = set()
    for group in groups:  # a group comes after every group that it leads to
        inside = set(group)
        onward = [best[target] for node in group for target in ways.get(node, ()) if target in best]
        total = sum(weights[node] for node in group) + max(onward, default=0.0)
        if len(group) > 1 or group[0] in ways.get(group[0], ()):
            looping |= inside
        best.update(dict.fromkeys(group, total))
    return best.get(start, 0.0), looping


def _groups(nodes: Mapping[str, float], ways: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Strongly connected nodes, in reverse topological order (Tarjan, Depth-first search, 1972; without recursion)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    stacked: set[str] = set()
    groups: list[list[str]] = []
    for root in nodes:
        if root in order:
            continue
        work: list[tuple[str, int]] = [(root, 0)]
        while work:
            node, turn = work.pop()
            if turn == 0:
                order[node] = low[node] = len(order)
                stack.append(node)
                stacked.add(node)
            targets = ways.get(node, ())
            if turn:
                low[node] = min(low[node], low[targets[turn - 1]])
            while turn < len(targets):
                target = targets[turn]
                turn += 1
                if target not in nodes:
                    continue
                if target not in order:
                    work += [(node, turn), (target, 0)]
                    break
                if target in stacked:
                    low[node] = min(low[node], order[target])
            else:
                if low[node] == order[node]:
                    group = [stack.pop()]
                    while group[-1] != node:
                        group.append(stack.pop())
                    stacked.difference_update(group)
                    groups.append(group)
    return groups
