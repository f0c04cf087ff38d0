"""A run and its workflows while they go on: variables, the context object, and the ports seen from one state."""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import timestamps
from compositions.asl.errors import StatesError
from compositions.asl.intrinsics.functions import draw_uuid
from compositions.asl.limits import PAGE, ROOM, Limits, check_payload, too_large
from compositions.asl.ports import Checkpoint, Key, Place, Ports
from compositions.asl.values import Json, exceeds

_STARTED: Final = Place((), 0, "started")
_STEPS: Final = 16  # of an expression, that count as one piece of work
_NAME: Final = Place((), 0, "name")
ACCOUNT: Final = "arn:aws:states:us-east-1:000000000000"


class Run:
    """What the workflows of one run share."""

    __slots__ = ("_execution", "_started", "_value", "events", "limits", "machine", "ports", "spent", "states")

    def __init__(
        self,
        ports: Ports,
        limits: Limits,
        value: Json,
        execution: Mapping[str, Json] | None,
        machine: Mapping[str, Json],
    ) -> None:
        self.ports = ports
        self.limits = limits
        self.machine = machine
        self.events = 1  # the number of the last event of the history, which causes mention
        self.states = 0
        self.spent = 0  # work since others had their turn
        self._value = value
        self._execution = None if execution is None else {"Input": value, **execution}
        self._started = 0.0 if execution is not None else ports.now(_STARTED)

    @property
    def is_over(self) -> bool:
        """More states were entered than may be: nothing tolerates that, and nothing goes on."""
        return self.states > self.limits.states

    @property
    def execution(self) -> Mapping[str, Json]:
        """Execution of the context object; made up when the caller said nothing of it."""
        if self._execution is None:
            own = draw_uuid(lambda: self.ports.random(_NAME))
            self._execution = {
                "Id": f"{ACCOUNT}:execution:{self.machine['Name']}:{own}",
                "Input": self._value,
                "StartTime": timestamps.written(self._started),
                "Name": own,
                "RoleArn": "arn:aws:iam::000000000000:role/workflow",
                "RedriveCount": 0,
            }
        return self._execution


class Frame:
    """One workflow: the machine itself, a branch of a Parallel, or an item of a Map.

    Variables are a mapping that is replaced, never changed: an inner workflow begins with its outer one's, and what it
    assigns stays inside.
    """

    __slots__ = (
        "_below", "_draws", "_outer", "_visits", "attempt", "entered", "event", "item", "path", "retries", "run",
        "shows_retries", "state", "token", "variables",
    )  # fmt: skip

    def __init__(self, run: Run, path: Key, variables: Mapping[str, Json], item: Mapping[str, Json] | None) -> None:
        self.run = run
        self.path = path
        self.variables = variables
        self.item = item
        self.state = ""
        self.event = 0
        self.entered: float | None = None
        self.attempt = 0
        self.retries = 0
        self.shows_retries = False
        self.token: str | None = None
        self._draws = 0
        self._outer: Frame | None = None
        self._below = 0  # states of inner workflows since the last verdict on them
        self._visits: dict[str, int] = {}

    def enter(self, state: str) -> None:
        run = self.run
        run.events += 1
        self.event = run.events
        self.state = state
        self.entered = None
        self.attempt = self.retries = self._draws = self._below = 0
        self.token = None
        self._visits[state] = self._visits.get(state, 0) + 1

    @property
    def key(self) -> Key:
        return (*self.path, (self.state, self._visits.get(self.state, 0)))

    def place(self, what: str) -> Place:
        return Place(self.key, self.attempt, what)

    def inner(self, kind: str, index: int, variables: Mapping[str, Json], item: Mapping[str, Json] | None) -> "Frame":
        """A new inner workflow; a second attempt of the state has keys of its own."""
        again = (("attempt", self.attempt),) if self.attempt else ()
        frame = Frame(self.run, (*self.key, *again, (kind, index)), variables, item)
        frame._outer = self
        return frame

    def assign(self, assigned: Mapping[str, Json] | None) -> None:
        if assigned:
            limits = self.run.limits
            self.run.spent += check_payload(assigned, self.state, limits.payload) // PAGE
            variables = {**self.variables, **assigned}
            if len(variables) * limits.payload > limits.variables and exceeds(variables, limits.variables):
                raise too_large(self.state)
            self.variables = variables

    def entered_at(self) -> float:
        if self.entered is None:
            self.entered = self.run.ports.now(self.place("entered at"))
        return self.entered

    def context(self) -> Mapping[str, Json]:
        """The context object as it stands in this state."""
        state: dict[str, Json] = {"Name": self.state, "EnteredTime": timestamps.written(self.entered_at())}
        if self.shows_retries:
            state["RetryCount"] = self.retries
        shown: dict[str, Json] = {"Execution": self.run.execution, "StateMachine": self.run.machine, "State": state}
        if self.item is not None:
            shown["Map"] = {"Item": self.item}
        if self.token is not None:
            shown["Task"] = {"Token": self.token}
        return shown

    def draw(self) -> float:
        self._draws += 1
        return self.run.ports.random(self.place(f"draw {self._draws}"))

    def milliseconds(self) -> int:
        self._draws += 1
        return int(self.run.ports.now(self.place(f"draw {self._draws}")) * 1000)

    @property
    def most_bytes(self) -> int:
        """How large a value may be while a state works on it."""
        return self.run.limits.payload * ROOM

    @property
    def expression_steps(self) -> int:
        return self.run.limits.expression_steps

    def spend(self, steps: int) -> None:
        self.run.spent += steps // _STEPS

    async def evaluate(self, expression: str, given: Mapping[str, Json]) -> Json:
        return await self.run.ports.evaluate(
            expression, given, self.place(f"evaluate {self._draws}"), now_ms=self.milliseconds(), seed=self.draw()
        )

    async def record(self, kind: str, **told: Any) -> None:
        """Tell the record what happened here; costs nothing where nobody records."""
        if self.run.ports.records:
            await self.run.ports.record(self.place(kind), told)

    async def record_entry(self, value: Json) -> None:
        """The entry's event number depends on what goes on beside it; it stays what it was in an earlier life."""
        earlier = self.run.ports.recall(self.place("entered"))
        if earlier is not None:
            self.event = earlier["event"]
            self.run.events = max(self.run.events, self.event)
        await self.record("entered", input=value, event=self.event)
        self._count_outside(1)

    def _count_outside(self, states: int) -> None:
        outer = self._outer
        while outer is not None:
            outer._below += states
            outer = outer._outer

    def checkpoint(self, state: str, value: Json) -> Checkpoint:
        return Checkpoint(state, value, self.variables, dict(self._visits), self.run.events, self.run.states)

    def stand_at(self, checkpoint: Checkpoint) -> None:
        self.variables = checkpoint.variables
        self._visits = dict(checkpoint.visits)
        self.run.events, self.run.states = checkpoint.events, checkpoint.states

    async def decide(self, what: str, results: list[Json] | StatesError) -> None:
        """Record how the inner workflows of a state ended, with the counts that what follows goes on from."""
        if not self.run.ports.records:
            return
        told: dict[str, Any] = {"events": self.run.events, "states": self._below, "draws": self._draws}
        self._below = 0
        if isinstance(results, StatesError):
            told |= {"error": results.error, "cause": results.cause, "also": list(results.also), "final": results.final}
        else:
            told["outputs"] = results
        await self.record(what, **told)

    def decided(self, what: str) -> list[Json] | None:
        """What `decide` recorded in an earlier life, if it did; a failure is raised again."""
        earlier = self.run.ports.recall(self.place(what))
        if earlier is None:
            return None
        self.run.events = max(self.run.events, earlier["events"])
        self.run.states += earlier["states"]
        self._count_outside(earlier["states"])
        self._draws = earlier["draws"]
        if "outputs" in earlier:
            return list(earlier["outputs"])
        raise StatesError(earlier["error"], earlier["cause"], told=True, also=earlier["also"], final=earlier["final"])


class Scene(Frame):
    """One Map item seen from the Map state itself, while it makes the item's input (ItemSelector)."""

    __slots__ = ("_index",)

    _index: int

    @classmethod
    def of(cls, frame: Frame, index: int, item: Mapping[str, Json]) -> "Scene":
        scene = cls(frame.run, frame.path, frame.variables, item)
        for name in ("state", "event", "entered", "attempt", "retries", "shows_retries", "token", "_visits"):
            setattr(scene, name, getattr(frame, name))
        scene._index = index
        return scene

    def place(self, what: str) -> Place:
        return Place((*self.key, ("item", self._index)), self.attempt, what)
