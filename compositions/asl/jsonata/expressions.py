"""`{% ... %}` in a field of a state: compiled once, evaluated with the run's variables and `$states`."""

from collections.abc import Mapping
from typing import Final, Protocol

from compositions.asl import errors
from compositions.asl.errors import StatesError, Unserved
from compositions.asl.jsonata.computing import Budget, BudgetSpent, EvaluationFailed, Undefined, compute
from compositions.asl.jsonata.fast import Shortcut, Slow, simple
from compositions.asl.jsonata.parsing import Compiled, compile_expression
from compositions.asl.jsonata.results import Unsupported
from compositions.asl.paths.reading import MISSING
from compositions.asl.values import Json, opened, text

_STEPS_HERE: Final = 5_000  # some hundredths of a second, in which nothing else happens


class Around(Protocol):
    """What an expression may read of a run, and where a long one is evaluated."""

    variables: Mapping[str, Json]

    @property
    def expression_steps(self) -> int: ...

    @property
    def most_bytes(self) -> int: ...

    def context(self) -> Mapping[str, Json]: ...

    def draw(self) -> float: ...

    def spend(self, steps: int) -> None:
        """Told how many steps an expression took here, so that others have their turn in time."""
        ...

    def milliseconds(self) -> int: ...

    async def evaluate(self, expression: str, given: Mapping[str, Json]) -> Json:
        """The value from where it can be stopped; raises as `compute` does. Unserved: there is no such place."""
        ...


class Given:
    """The bindings of one state at one moment."""

    __slots__ = ("around", "members")

    def __init__(self, around: Around, **members: Json) -> None:
        self.around = around
        self.members = members

    def read(self, name: str) -> Json:
        return self.around.variables.get(name, MISSING)

    def read_states(self, name: str) -> Json:
        return self.around.context() if name == "context" else self.members.get(name, MISSING)

    def states(self, wanted: frozenset[str] | None) -> dict[str, Json]:
        """$states, or only the members of it that are wanted."""
        shown = self.members if wanted is None else {n: value for n, value in self.members.items() if n in wanted}
        return shown if wanted is not None and "context" not in wanted else {**shown, "context": self.around.context()}


_TYPES: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("boolean", bool),
    ("number", (int, float)),
    ("string", str),
    ("array", list),
    ("object", dict),
)


def type_name(value: Json) -> str:
    return next((name for name, kind in _TYPES if isinstance(value, kind)), "null")


class Expression:
    """One expression at one field; `field` is the field's place in the state, as causes name it."""

    __slots__ = ("_compiled", "_shortcut", "field", "text")

    def __init__(self, expression: str, field: str) -> None:
        self.text = expression
        self.field = field
        self._compiled: Compiled = compile_expression(expression)
        self._shortcut: Shortcut | None = simple(self._compiled.program.ast)

    @property
    def slow(self) -> str:
        return self._compiled.slow

    async def value(self, given: Given) -> Json:
        if self._shortcut is not None:
            try:
                found = self._shortcut(given)
            except Slow:
                pass
            else:
                if found is MISSING:
                    raise self._failed("returned nothing (undefined).")
                return found
        try:
            return await self._computed(given)
        except Undefined:
            raise self._failed("returned nothing (undefined).") from None
        except Unsupported:
            raise self._failed("returned an unsupported result type.") from None
        except EvaluationFailed as failure:
            raise self._failed(f"threw an error during evaluation. {failure}") from None

    async def _computed(self, given: Given) -> Json:
        names, around = self._compiled.names, given.around
        bindings: dict[str, Json] = {name: around.variables[name] for name in names if name in around.variables}
        if "states" in names:
            bindings["states"] = given.states(self._compiled.members)
        if self._compiled.slow:
            try:
                return await around.evaluate(self.text, bindings)
            except Unserved:
                pass
        try:
            return self._computed_here(bindings, around, min(_STEPS_HERE, around.expression_steps))
        except BudgetSpent:
            try:
                return await around.evaluate(self.text, bindings)
            except Unserved:
                if around.expression_steps <= _STEPS_HERE:
                    raise
        return self._computed_here(bindings, around, around.expression_steps)

    def _computed_here(self, bindings: Mapping[str, Json], around: Around, steps: int) -> Json:
        budget = Budget(steps)
        try:
            return compute(self._compiled, bindings, around.milliseconds, around.draw, budget)
        finally:
            around.spend(steps - budget.left)

    async def value_of(self, given: Given, *kinds: str) -> Json:
        """The value, which must be of one of `kinds`."""
        value = opened(await self.value(given))
        found = type_name(value)
        if found in kinds or ("integer" in kinds and found == "number" and value == int(value)):
            return value
        raise self._failed(
            f"returned an unexpected result type. Expected '{kinds[0]}', but was '{found}' for value: {text(value)}"
        )

    def _failed(self, what: str) -> StatesError:
        return StatesError(
            errors.QUERY_EVALUATION_ERROR,
            f"The JSONata expression '{self.text}' specified for the field '{self.field}' {what}",
        )
