"""Which targets a definition can reach, how often, and which of them it cannot do without; pure.

A target is required when it can be reached from StartAt going forward, unless its failure has a Catch from which the
machine can still succeed: on the task, on the Parallel or Map around it, or on the task that runs the workflow it is
in. What only a Catch leads to is not required.

Calls are the most that one run makes: the way through the states with most calls, each attempt of a Retry counted. A
state on a loop counts once and a Map counts one item; the targets there are `uncounted`, for nobody knows how often.
"""

from collections.abc import Mapping
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
        calls, loops = _most(ways, {path: within[path] for path in reached})
        return Reach(
            required=frozenset(required),
            optional=frozenset(optional - required),
            calls=calls,
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
        calls: dict[str, float] = {}
        for branch in inner:
            for target, times in branch.calls.items():
                calls[target] = calls.get(target, 0) + times * tries
        required = frozenset().union(*(branch.required for branch in inner))
        targets = frozenset().union(*(branch.targets for branch in inner))
        if step.raw.get("ToleratedFailurePercentage") == 100:
            required = frozenset()
        return Reach(
            required=required,
            optional=targets - required,
            calls=calls,
            uncounted=targets if step.kind == "Map" else frozenset().union(*(branch.uncounted for branch in inner)),
            compositions=frozenset().union(*(branch.compositions for branch in inner)),
        )

    def _task(self, step: Step, called: Callee) -> Reach:
        tries = attempts(step.raw)
        known = frozenset(called.targets) & frozenset(self._around.base_urls)
        if not called.composition:
            return Reach(required=known, calls=dict.fromkeys(sorted(known), float(tries)))
        inner = self.composition(called.composition)
        nested = self._around.find(called.composition)
        chosen = known if nested is not None and lets_choose(nested.definition) else frozenset()
        calls = {**inner.calls, **{target: inner.calls.get(target, 0.0) + 1 for target in chosen}}
        required = inner.required | chosen if called.waits else frozenset()
        return msgspec.structs.replace(
            inner,
            required=required,
            optional=(inner.targets | chosen) - required,
            calls={target: calls[target] * tries for target in sorted(calls)},
        )


def _most(ways: Ways, within: Mapping[str, Reach]) -> tuple[dict[str, float], set[str]]:
    """The most calls of each target on any way from the start, and the states on loops."""
    onward = {path: ways.plain[path] + ways.catches[path] for path in within}
    targets = sorted({target for found in within.values() for target in found.calls})
    calls: dict[str, float] = {}
    loops: set[str] = set()
    for target in targets:
        weights = {path: float(found.calls.get(target, 0)) for path, found in within.items()}
        calls[target], loops = longest_way(ways.start, weights, onward)
    return calls, loops
