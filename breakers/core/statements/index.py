"""Which of many statements could match a request, without asking them all.

Each statement is filed under something that must hold for it to match: a path, an address, a header, a size … Of an
`all`, the rarest of its branches; of an `any`, all of its branches; what matches by absence (`not`, `present: false`)
is always asked. What follows from one path, address or value is remembered, for the same ones come again.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from breakers.core.networks import Networks, number_of

from .predicates import TextTest, Tree, listed, text_test
from .shape import SIZES
from .traits import Traits, text_of

Position = int
Positions = tuple[Position, ...]

NONE: Positions = ()
REMEMBERED = 4096
LONGEST_REMEMBERED = 256
NEVER = 1 << 62
# Of what must hold, a statement is filed under what few requests have; nearly all have a usual method.
RARITY = ("label", "ip", "forwarded_ip", "path", "query", "size", "header", "method")


class Index:
    """Positions of statements, in order of `trees`; frozen but for what it remembers."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        always: list[Position] = []
        filed: dict[str, list[tuple[Any, Position]]] = {kind: [] for kind in RARITY}
        for position, tree in enumerate(trees):
            leaves = needed(tree)
            if leaves is None:
                always.append(position)
                continue
            for leaf in leaves:
                for kind, body in leaf.items():
                    filed[kind].append((body, position))
        self._always: Positions = tuple(always)
        self._paths: Memory | None = _paths(filed["path"])
        self._peers: Memory | None = _addresses(filed["ip"])
        self._clients: Memory | None = _addresses(filed["forwarded_ip"])
        self._methods = _grouped((word, position) for body, position in filed["method"] for word in listed(body))
        self._labels = _grouped(filed["label"])
        self._headers = {name.encode(): values for name, values in _values(filed["header"], str.lower).items()}
        self._queries = _values(filed["query"], str)
        self._sizes = [(body["of"], body["over"], position) for body, position in filed["size"]]
        self._least = {of: min((over for kind, over, _ in self._sizes if kind == of), default=NEVER) for of in SIZES}
        self.weighs = frozenset(size for tree in trees for size in sizes_of(tree))

    def candidates(self, traits: Traits) -> Sequence[Position]:
        """Every position whose statement matches, and perhaps others, in rising order."""
        found = self._always
        if self._paths is not None and (more := self._paths.at(traits.path)):
            found += more
        if self._peers is not None and (more := self._peers.at(traits.peer)):
            found += more
        if self._clients is not None and (more := self._clients.at(traits.client)):
            found += more
        if self._headers:
            watched = self._headers
            for name, value in traits.headers:
                if name in watched and (more := watched[name].at(text_of(value))):
                    found += more
        if self._queries and (query := traits.query) and self._asked(query):
            for parameter, text in traits.query_pairs:
                if parameter in self._queries:
                    found += self._queries[parameter].at(text)
        if self._sizes:
            found += self._oversized(traits)
        if traits.method in self._methods:
            found += self._methods[traits.method]
        for label in traits.labels:
            found += self._labels.get(label, NONE)
        return found if found is self._always else sorted(set(found))

    def labelled(self, label: str, after: Position) -> list[Position]:
        """Positions later than `after` that the label, put on just now, makes candidates."""
        return [position for position in self._labels.get(label, NONE) if position > after]

    def _asked(self, query: str) -> bool:
        """Whether the query may hold a parameter of interest, before it is taken apart; escapes may spell any name."""
        return "%" in query or "+" in query or any(map(query.__contains__, self._queries))

    def _oversized(self, traits: Traits) -> Positions:
        least = self._least
        if (
            traits.body_bytes <= least["body"]
            and traits.header_bytes <= least["headers"]
            and len(traits.query) <= least["query"]
            and len(traits.raw_path or traits.path) <= least["path"]
        ):
            return NONE
        sizes = {
            "body": traits.body_bytes,
            "headers": traits.header_bytes,
            "query": len(traits.query),
            "path": len(traits.raw_path or traits.path),
        }
        return tuple([position for of, over, position in self._sizes if sizes[of] > over])


class Memory:
    """Positions by a text, worked out once for each."""

    __slots__ = ("_known", "_work_out")

    def __init__(self, work_out: Callable[[str], Positions]) -> None:
        self._known: dict[str, Positions] = {}
        self._work_out = work_out

    def at(self, text: str) -> Positions:
        known = self._known.get(text)
        if known is None:
            known = self._work_out(text)
            if len(text) <= LONGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[text] = known
        return known


def needed(tree: Tree) -> list[Tree] | None:
    """Leaves of which at least one must hold for the statement to match; None when nothing can be told."""
    for kind, body in tree.items():
        match kind:
            case "all":
                told = [leaves for branch in body if (leaves := needed(branch)) is not None]
                return min(told, key=_rarity) if told else None
            case "any":
                branches = [needed(branch) for branch in body]
                if any(leaves is None for leaves in branches):
                    return None
                return [leaf for leaves in branches if leaves is not None for leaf in leaves]
            case "not":
                return None
            case "header" | "query" if body.get("present") is False:
                return None
            case _:
                return [{kind: body}]
    return None


def sizes_of(tree: Tree) -> set[str]:
    """Which sizes the statement asks about."""
    for kind, body in tree.items():
        if kind in ("all", "any"):
            return {size for branch in body for size in sizes_of(branch)}
        if kind == "not":
            return sizes_of(body)
        return {body["of"]} if kind == "size" else set()
    return set()


def _rarity(leaves: list[Tree]) -> tuple[int, int]:
    return max(RARITY.index(kind) for leaf in leaves for kind in leaf), len(leaves)


def _grouped(pairs: Iterable[tuple[str, Position]]) -> dict[str, Positions]:
    groups: dict[str, Positions] = {}
    for name, position in pairs:
        groups[name] = (*groups.get(name, NONE), position)
    return groups


def _values(filed: list[tuple[Tree, Position]], named: Callable[[str], str]) -> "dict[str, Memory]":
    """What follows from a value of a field, by the field's name."""
    groups: dict[str, list[tuple[TextTest, Position]]] = {}
    for body, position in filed:
        test = _always if "present" in body else text_test(body)
        groups.setdefault(named(body["name"]), []).append((test, position))
    return {name: Memory(partial(_passing, tests)) for name, tests in groups.items()}


def _always(_: str) -> bool:
    return True


def _passing(tests: list[tuple[TextTest, Position]], text: str) -> Positions:
    return tuple([position for test, position in tests if test(text)])


def _paths(filed: list[tuple[Tree, Position]]) -> Memory | None:
    """Paths that are given whole are looked up; the other conditions are tried, once for each path that comes."""
    whole = _grouped(
        (word, position)
        for body, position in filed
        if "is" in body and not body.get("ignore_case")
        for word in listed(body["is"])
    )
    tests = [(text_test(body), at) for body, at in filed if "is" not in body or body.get("ignore_case")]
    if not filed:
        return None
    return Memory(lambda path: whole.get(path, NONE) + _passing(tests, path))


def _addresses(filed: list[tuple[Any, Position]]) -> Memory | None:
    """Most addresses are in no set at all: the union of all sets tells that at once."""
    if not filed:
        return None
    union = Networks(word for body, _ in filed for word in listed(body))
    sets = [(Networks(listed(body)), position) for body, position in filed]

    def work_out(text: str) -> Positions:
        number = number_of(text)
        if not union.holds(number):
            return NONE
        return tuple([position for networks, position in sets if networks.holds(number)])

    return Memory(work_out)
