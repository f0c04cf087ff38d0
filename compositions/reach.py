"""Which targets a definition can reach, how often, and which of them it cannot do without; pure.

A target is required when it can be reached from StartAt going forward, unless its failure has a Catch from which the
machine can still succeed: on the task, on the Parallel or Map around it, or on the task that runs the workflow it is
in. What only a Catch leads to is not required.

Calls are the most that one run makes: the way through the states with most calls, each attempt of a Retry counted. A
state on a loop counts once and a Map counts one item; the targets there are `uncounted`, for nobody knows how often.
The usual calls are the same for a run that goes well: nothing is tried again, and nothing is caught.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from compositions.asl.bounds import attempts, longest_way
from compositions.asl.values import Json
from compositions.callees import Callee, callee, lets_choose
from compositions.surroundings import Surroundings
from compositions.walking import Step, machines
from compositions.ways import Ways


class Reach(msgspec.Struct, frozen=True):
    """Targets by slug; `compositions` are those that it runs, at any depth."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    calls: Mapping[str, float] = {}
    usual: Mapping[str, float] = {}
    uncounted: frozenset[str] = frozenset()
    compositions: frozenset[str] = frozenset()

    def document(self) -> dict[str, Any]:
        """As JSON, in the order of slugs."""
        names = ("required", "optional", "uncounted", "compositions")
        return {name: sorted(getattr(self, name)) for name in names} | {"calls": dict(sorted(self.calls.items()))}

    @property
    def targets(self) -> frozenset[str]:
        return self.required | self.optional


def reach(definition: Json, around: Surroundings) -> Reach:
    """Unknown targets and compositions are left out, and so is what a composition runs of itself."""
    return _Reaching(around).machine(definition)


class _Reaching:
    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._known: dict[str, Reach] = {}
        self._open: set[str] = set()

    def composition(self, slug: str) -> Reach:
        found = self._around.find(slug)
        if found is None or slug in self._open:
            return Reach()
        if slug not in self._known:
            self._open.add(slug)
            inner = self.machine(found.definition)
            self._open.discard(slug)
            self._known[slug] = msgspec.structs.replace(inner, compositions=inner.compositions | {slug})
        return self._known[slug]

    def machine(self, definition: Json, scope: str = "") -> Reach:
        ways = Ways(definition, scope)
        within = {step.path: self._state(step) for step in ways.steps}
        forward, reached = ways.from_start(caught=False), ways.from_start(caught=True)
        required: set[str] = set()
        optional: set[str] = set()
        for path in reached:
            found = within[path]
            needed = path in forward and not ways.is_caught(path)
            required |= found.required if needed else frozenset()
            optional |= found.optional if needed else found.targets
        onward = {path: ways.plain[path] + ways.catches[path] for path in reached}
        calls, loops = _most(ways, {path: within[path].calls for path in reached}, onward)
        usual, _ = _most(ways, {path: within[path].usual for path in forward}, ways.plain)
        return Reach(
            required=frozenset(required),
            optional=frozenset(optional - required),
            calls=calls,
            usual=usual,
            uncounted=frozenset().union(
                *(within[path].targets if path in loops else within[path].uncounted for path in reached)
            ),
            compositions=frozenset().union(*(within[path].compositions for path in reached)),
        )

    def _state(self, step: Step) -> Reach:
        """What one state reaches, as if nothing caught its failure."""
        called = callee(step.raw, self._around.base_urls)
        if called is not None:
            return self._task(step, called)
        inner = [self.machine(machine, scope) for scope, machine in machines(step)]
        tries = attempts(step.raw)
        calls = together(branch.calls for branch in inner)
        required = frozenset().union(*(branch.required for branch in inner))
        targets = frozenset().union(*(branch.targets for branch in inner))
        if step.raw.get("ToleratedFailurePercentage") == 100:
            required = frozenset()
        return Reach(
            required=required,
            optional=targets - required,
            calls={target: times * tries for target, times in calls.items()},
            usual=together(branch.usual for branch in inner),
            uncounted=targets if step.kind == "Map" else frozenset().union(*(branch.uncounted for branch in inner)),
            compositions=frozenset().union(*(branch.compositions for branch in inner)),
        )

    def _task(self, step: Step, called: Callee) -> Reach:
        tries = attempts(step.raw)
        known = frozenset(called.targets) & frozenset(self._around.base_urls)
        if not called.composition:
            slugs = sorted(known)
            return Reach(required=known, calls=dict.fromkeys(slugs, float(tries)), usual=dict.fromkeys(slugs, 1.0))
        inner = self.composition(called.composition)
        nested = self._around.find(called.composition)
        chosen = known if nested is not None and lets_choose(nested.definition) else frozenset()
        named = dict.fromkeys(chosen, 1.0)
        calls = together((inner.calls, named))
        required = inner.required | chosen if called.waits else frozenset()
        return msgspec.structs.replace(
            inner,
            required=required,
            optional=(inner.targets | chosen) - required,
            calls={target: calls[target] * tries for target in sorted(calls)},
            usual=together((inner.usual, named)),
        )


def together(several: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The calls of all of them, by target."""
    calls: dict[str, float] = {}
    for one in several:
        for target, times in one.items():
            calls[target] = calls.get(target, 0.0) + times
    return calls


def _most(
    ways: Ways, within: Mapping[str, Mapping[str, float]], onward: Mapping[str, list[str]]
) -> tuple[dict[str, float], set[str]]:
    """The most calls of each target on any way from the start, and the states on loops."""
    targets = sorted({target for calls in within.values() for target in calls})
    most: dict[str, float] = {}
    loops: set[str] = set()
    for target in targets:
        weights = {path: float(calls.get(target, 0)) for path, calls in within.items()}
        most[target], loops = longest_way(ways.start, weights, onward)
    return most, loops
