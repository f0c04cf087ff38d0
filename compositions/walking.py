"""Every state of a definition, of the machines inside its states as well, in the order of the text; pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from compositions.asl.values import Json


class Step(NamedTuple):
    """A state: its place as problems write it, its name, what is written there, and the place of the machine around."""

    path: str
    name: str
    raw: Mapping[str, Json]
    scope: str

    @property
    def kind(self) -> str:
        return str(self.raw.get("Type", ""))


def steps(definition: Json) -> Iterator[Step]:
    waiting: list[tuple[str, Json]] = [("", definition)]
    while waiting:
        scope, machine = waiting.pop()
        states = machine.get("States") if isinstance(machine, dict) else None
        if not isinstance(states, dict):
            continue
        inner: list[tuple[str, Json]] = []
        for name, raw in states.items():
            if isinstance(raw, dict):
                step = Step(f"{scope}/States/{name}", name, raw, scope)
                yield step
                inner.extend(machines(step))
        waiting.extend(reversed(inner))


def machines(step: Step) -> Iterator[tuple[str, Json]]:
    """The machines that a Parallel or a Map holds, each with its place."""
    branches = step.raw.get("Branches") if step.kind == "Parallel" else None
    if isinstance(branches, list):
        yield from ((f"{step.path}/Branches[{index}]", branch) for index, branch in enumerate(branches))
    for field in ("ItemProcessor", "Iterator"):
        if step.kind == "Map" and isinstance(step.raw.get(field), dict):
            yield f"{step.path}/{field}", step.raw[field]
