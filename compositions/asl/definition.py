"""A definition compiled once to a machine; runs never look at the definition again."""

from collections.abc import Mapping
from typing import Any

from compositions.asl.dataflow import SYNTAX
from compositions.asl.errors import InvalidDefinition
from compositions.asl.states import STATES
from compositions.asl.values import Json, text
from compositions.asl.workflow import State, Workflow


class Machine:
    """A compiled definition."""

    __slots__ = ("timeout_s", "workflow")

    def __init__(self, workflow: Workflow, timeout_s: float | None) -> None:
        self.workflow = workflow
        self.timeout_s = timeout_s


class Compiling:
    """What a state needs to know of the definition around it while it is compiled."""

    __slots__ = ("depth", "is_jsonata", "language", "most", "name", "path", "reads_context")

    def __init__(self, language: str, path: str, depth: int, most: int) -> None:
        self.language = language
        self.path = path
        self.depth = depth
        self.most = most
        self.is_jsonata = False
        self.reads_context = False
        self.name = ""

    def of(self, name: str, state: Mapping[str, Json]) -> "Compiling":
        """The same, for one state of the workflow."""
        inner = Compiling(self.language, f"{self.path}/States/{name}", self.depth, self.most)
        inner.name = name
        inner.is_jsonata = state.get("QueryLanguage", self.language) == "JSONata"
        shown = text(state)
        inner.reads_context = "$$" in shown or "$states" in shown
        return inner

    def workflow(self, definition: Any, part: str) -> Workflow:
        """An inner workflow. It speaks the machine's language, not that of the state it is in (States Language)."""
        return compile_workflow(definition, Compiling(self.language, f"{self.path}/{part}", self.depth + 1, self.most))


def compile_machine(definition: Mapping[str, Json], *, nesting: int = 32) -> Machine:
    """Raises InvalidDefinition; what `validate` would also refuse is not all refused here."""
    if not isinstance(definition, Mapping):
        raise InvalidDefinition("", "a definition is an object")
    language = definition.get("QueryLanguage", "JSONPath")
    timeout = definition.get("TimeoutSeconds")
    return Machine(
        compile_workflow(definition, Compiling(language, "", 0, nesting)),
        timeout if isinstance(timeout, int | float) and not isinstance(timeout, bool) else None,
    )


def compile_workflow(definition: Any, compiling: Compiling) -> Workflow:
    if compiling.depth > compiling.most:
        raise InvalidDefinition(compiling.path, f"workflows are nested deeper than {compiling.most}")
    if not isinstance(definition, Mapping) or not isinstance(definition.get("States"), Mapping):
        raise InvalidDefinition(compiling.path, "a workflow needs StartAt and States")
    states: dict[str, State] = {}
    for name, state in definition["States"].items():
        kind = state.get("Type") if isinstance(state, Mapping) else None
        compile_state = STATES.get(kind) if isinstance(kind, str) else None
        inner = compiling.of(name, state) if isinstance(state, Mapping) else compiling
        if compile_state is None:
            raise InvalidDefinition(f"{compiling.path}/States/{name}", f"{kind!r} is not a type of state")
        try:
            states[name] = compile_state(state, inner)
        except InvalidDefinition as error:
            raise error if error.path.startswith("/") else InvalidDefinition(inner.path, str(error)) from None
        except SYNTAX as error:
            raise InvalidDefinition(inner.path, str(error)) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidDefinition(inner.path, f"a field is missing or of the wrong type: {error}") from None
    _check_targets(definition, states, compiling.path)
    return Workflow(definition["StartAt"], states)


def _check_targets(definition: Mapping[str, Json], states: Mapping[str, State], path: str) -> None:
    if definition.get("StartAt") not in states:
        raise InvalidDefinition(path, "StartAt names no state")
    for name, state in definition["States"].items():
        targets = [state.get("Next"), state.get("Default")]
        targets += [rule.get("Next") for rule in (*state.get("Choices", ()), *state.get("Catch", ()))]
        for target in targets:
            if target is not None and target not in states:
                raise InvalidDefinition(f"{path}/States/{name}", f"{target!r} is no state here")
