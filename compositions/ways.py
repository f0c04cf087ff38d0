"""The states of one machine and where they lead: by plain ways, and by a Catch; pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from compositions.asl.values import Json
from compositions.walking import Step

# Error names whose Catch takes the refusal of an open circuit.
CATCHING: Final = frozenset({"States.ALL", "States.TaskFailed", "Breaker.Open"})


class Ways:
    """States go by their place. `plain` is where Next, Choices and Default lead, `catches` where each Catch does."""

    def __init__(self, definition: Json, scope: str = "") -> None:
        machine = definition if isinstance(definition, dict) else {}
        states = machine.get("States")
        self._path: dict[str, str] = {}
        self._step: dict[str, Step] = {}
        for name, raw in states.items() if isinstance(states, dict) else ():
            if isinstance(raw, dict):
                path = self._path[name] = f"{scope}/States/{name}"
                self._step[path] = Step(path, name, raw, scope)
        self.start = self._path.get(str(machine.get("StartAt")), "")
        self.plain = {path: self._targets(_plain(step.raw)) for path, step in self._step.items()}
        self.catches = {path: self._targets(_caught(step.raw)) for path, step in self._step.items()}
        self._succeeding = self._that_succeed()

    @property
    def steps(self) -> list[Step]:
        return list(self._step.values())

    def from_start(self, *, caught: bool) -> set[str]:
        """The states that are reached, by a Catch as well or going forward only."""
        reached: set[str] = set()
        waiting = [self.start] if self.start else []
        while waiting:
            path = waiting.pop()
            if path not in reached:
                reached.add(path)
                waiting += self.plain[path] + (self.catches[path] if caught else [])
        return reached

    def is_caught(self, path: str) -> bool:
        """Whether the refusal of an open circuit in this state leads on to a success."""
        taken = self._targets(_caught(self._step[path].raw, CATCHING))
        return any(target in self._succeeding for target in taken[:1])

    def _that_succeed(self) -> set[str]:
        """The states from which some way leads to a success."""
        before: dict[str, list[str]] = {}
        for source in self._step:
            for target in self.plain[source] + self.catches[source]:
                before.setdefault(target, []).append(source)
        found: set[str] = set()
        waiting = [path for path, step in self._step.items() if step.kind == "Succeed" or step.raw.get("End") is True]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += before.get(path, [])
        return found

    def _targets(self, names: Iterator[Json]) -> list[str]:
        return [self._path[name] for name in names if isinstance(name, str) and name in self._path]


def _plain(raw: Mapping[str, Json]) -> Iterator[Json]:
    yield raw.get("Next")
    yield raw.get("Default")
    yield from (rule.get("Next") for rule in _objects(raw.get("Choices")))


def _caught(raw: Mapping[str, Json], names: frozenset[str] | None = None) -> Iterator[Json]:
    """Where each Catch leads, or each that takes one of `names`, in order."""
    for catcher in _objects(raw.get("Catch")):
        taken = catcher.get("ErrorEquals")
        if isinstance(taken, list) and (names is None or not names.isdisjoint(map(str, taken))):
            yield catcher.get("Next")


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
