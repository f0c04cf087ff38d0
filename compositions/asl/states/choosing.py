"""Choice: the first rule that holds says where to go on; Default where none does."""

from collections.abc import Mapping

from compositions.asl import errors
from compositions.asl.choices import Test, compile_rule
from compositions.asl.dataflow import JsonataFlow, PathFlow
from compositions.asl.errors import InvalidDefinition
from compositions.asl.frames import Frame
from compositions.asl.jsonata import Expression, Given
from compositions.asl.jsonata import compile_template as compile_dynamic
from compositions.asl.states.compiling import Compiling
from compositions.asl.templates import Template, compile_template
from compositions.asl.values import Json

# AWS reports an unmatched Choice under States.Runtime; the specification calls it States.NoChoiceMatched.
_NO_WAY_ON = "Failed to transition out of the state. The state does not point to a next state."


def compile_choice(state: Mapping[str, Json], compiling: Compiling) -> "PathChoice | JsonataChoice":
    if not isinstance(state.get("Choices"), list) or not state["Choices"]:
        raise InvalidDefinition("", "a Choice needs Choices")
    return JsonataChoice(state, compiling) if compiling.is_jsonata else PathChoice(state, compiling)


class PathChoice:
    __slots__ = ("_default", "_flow", "_rules", "notes_entry")

    waits = False
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._flow = PathFlow(state)
        self._default: str | None = state.get("Default")
        self._rules: tuple[tuple[Test, str, Template | None], ...] = tuple(
            (
                compile_rule(rule, f"Choices/{i}"),
                rule["Next"],
                compile_template(rule["Assign"]) if "Assign" in rule else None,
            )
            for i, rule in enumerate(state["Choices"])
        )
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        taken = self._flow.take(frame, raw)
        for holds, following, assign in self._rules:
            if holds(taken, frame):
                assigned = None if assign is None else assign.fill(taken, frame)
                output = self._flow.narrowed(frame, taken)
                frame.assign(assigned)
                return following, output
        if self._default is None:
            raise errors.runtime(_NO_WAY_ON)
        return self._default, await self._flow.pass_on(frame, raw, taken)


class JsonataChoice:
    __slots__ = ("_default", "_flow", "_rules", "notes_entry")

    waits = False
    shows_retries = False

    def __init__(self, state: Mapping[str, Json], compiling: Compiling) -> None:
        self._flow = JsonataFlow(state)
        self._default: str | None = state.get("Default")
        self._rules = tuple(
            (_condition(rule, i), rule["Next"], JsonataFlow(rule, f"Choices[{i}]/"))
            for i, rule in enumerate(state["Choices"])
        )
        self.notes_entry = compiling.reads_context

    async def run(self, frame: Frame, raw: Json) -> tuple[str | None, Json]:
        given = Given(frame, input=raw)
        for condition, following, flow in self._rules:
            holds = await condition.value_of(given, "boolean") if isinstance(condition, Expression) else condition
            if holds:
                return following, await flow.settle(frame, given, raw)
        if self._default is None:
            raise errors.runtime(_NO_WAY_ON)
        return self._default, await self._flow.settle(frame, given, raw)


def _condition(rule: Mapping[str, Json], index: int) -> Expression | bool:
    condition = rule["Condition"]
    if isinstance(condition, bool):
        return condition
    compiled = compile_dynamic(condition, f"Choices[{index}]/Condition")
    if not isinstance(compiled, Expression):
        raise InvalidDefinition("", f"the Condition of Choices/{index} is neither a boolean nor an expression")
    return compiled
