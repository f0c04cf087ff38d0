"""A case of one state: its fields, what it is given, and what is seen of it from outside.

The state stands between others: `Before` sets the variables x = 5 and list = [1, 2, 3], `After` takes what goes on,
`Other` is somewhere else to go.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.compositions.asl.world import World

PATH, QUERY = "JSONPath", "JSONata"
VARIABLES = {"x": 5, "list": [1, 2, 3]}
_ENDS = ("Succeed", "Fail")


class Case(NamedTuple):
    """What is not given is not looked at, except for the output; `to` is None where the machine ends in the state."""

    says: str
    state: Mapping[str, Any]
    value: Any = {"a": 1}
    output: Any = None
    to: str | None = "After"
    error: str | None = None
    cause: str = ""
    assigned: Mapping[str, Any] | None = None
    sent: list[Any] | None = None
    sleeps: list[float] | None = None
    waited: float | None = None
    most_at_once: int | None = None
    resources: Mapping[str, Any] = {}
    items: Any = None
    written: list[Any] | None = None
    draws: tuple[float, ...] = ()

    def machine(self, language: str) -> dict[str, Any]:
        state = dict(self.state)
        if state["Type"] not in (*_ENDS, "Choice") and not state.keys() & {"Next", "End"}:
            state["Next"] = "After"
        states = {
            "Before": {"Type": "Pass", "Assign": VARIABLES, "Next": "State"},
            "State": state,
            "After": {"Type": "Pass", "End": True},
            "Other": {"Type": "Pass", "End": True},
        }
        return {"StartAt": "Before", "QueryLanguage": language, "States": states}

    async def holds(self, language: str) -> None:
        world = World(self.resources, self.draws)
        world.items = self.items
        answer = await world.run(self.machine(language), self.value)
        told = {"output": answer.get("output"), "error": answer.get("error")}
        assert told == {"output": self.output, "error": self.error}, answer
        assert self.cause in answer.get("cause", "")
        last = world.checkpoints[-1]
        if self.error is None:
            assert last.state == (self.to or "State")
        if self.assigned is not None:
            assert {name: value for name, value in last.variables.items() if name not in VARIABLES} == self.assigned
        if self.sent is not None:
            assert [call.parameters for call in world.calls] == self.sent
        if self.sleeps is not None:
            assert [seconds for what, seconds in world.sleeps if what == "retry"] == self.sleeps
        if self.waited is not None:
            assert abs(world.waited - self.waited) < 1e-6
        if self.most_at_once is not None:
            assert world.most_in_flight == self.most_at_once
        if self.written is not None:
            assert world.written == self.written
        assert world.in_flight == 0


class Cases(NamedTuple):
    """The cases of one kind of state, by the query language that they are written in."""

    path: list[Case]
    query: list[Case]

    def each(self) -> list[tuple[str, Case]]:
        return [(PATH, case) for case in self.path] + [(QUERY, case) for case in self.query]


def name_of(value: Any) -> str:
    return value.says.replace(" ", "-") if isinstance(value, Case) else str(value)
