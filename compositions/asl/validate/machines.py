"""A definition taken apart: the machine, its states, and the machines inside Parallel and Map, without recursion."""

from typing import Final

import msgspec

from compositions.asl.validate.integrations import check_parameters
from compositions.asl.validate.maps import child_type, processor_config
from compositions.asl.validate.objects import Field, Shape, array
from compositions.asl.validate.problems import (
    DUPLICATE_LABEL_NAME,
    DUPLICATE_STATE_NAME,
    INVALID_STATE_NAME,
    JSONATA,
    JSONPATH,
    Site,
    shown,
)
from compositions.asl.validate.scalars import anything
from compositions.asl.validate.states import MACHINE, STATES, WHOLE
from compositions.asl.validate.transitions import check_transitions
from compositions.asl.values import Json

VERSION: Final = "1.0"
LONGEST_STATE_NAME: Final = 80

_WHOLE: Final = Shape(WHOLE, required=("States", "StartAt"))
_BRANCH: Final = Shape(MACHINE, required=("States", "StartAt"))
_PROCESSOR: Final = Shape(
    {**MACHINE, "ProcessorConfig": Field(anything)},
    required=("States", "StartAt"),
)


class _Machine(msgspec.Struct, frozen=True):
    site: Site
    value: Json
    shape: Shape


class Walk:
    """One pass over a definition; `language` and machine type of a place come with its site."""

    def __init__(self, site: Site) -> None:
        self._root = site
        self._waiting: list[_Machine] = []
        self._states: set[str] = set()
        self._labels: set[str] = set()

    def check(self, definition: dict[str, Json]) -> None:
        language = _language(self._root, definition)
        version = definition.get("Version", VERSION)
        if isinstance(version, str) and version != VERSION:
            self._root.at("Version").problem(f"Version is not supported: {shown(version)!r}. Write {VERSION!r}.")
        self._waiting.append(_Machine(self._root.reading(language=language), definition, _WHOLE))
        while self._waiting:
            self._machine(self._waiting.pop())

    def _machine(self, machine: _Machine) -> None:
        site = machine.site
        if not machine.shape.check(site, machine.value):
            return
        states = machine.value.get("States")
        if "States" not in machine.value:
            return
        if not isinstance(states, dict):
            site.at("States").expected("Object", states, "Write an object with one field a state.")
            return
        if not states:
            site.at("States").problem("States is empty. Add a state.")
            return
        inner: list[_Machine] = []
        for name, state in states.items():
            self._name(site.at("States", str(name)), str(name))
            inner.extend(self._state(site, site.at("States", str(name)), state))
        check_transitions(site, machine.value.get("StartAt"), states)
        self._waiting.extend(reversed(inner))

    def _name(self, site: Site, name: str) -> None:
        if not name.strip():
            site.problem("A state's name must not be empty. Name the state.", INVALID_STATE_NAME)
        if len(name) > LONGEST_STATE_NAME:
            site.problem(f"State name is longer than {LONGEST_STATE_NAME} characters. Shorten it.", INVALID_STATE_NAME)
        if name in self._states:
            site.problem(
                f"Duplicate State name: {shown(name)}. Names are unique in the whole definition; rename this one.",
                DUPLICATE_STATE_NAME,
            )
        self._states.add(name)

    def _state(self, machine: Site, site: Site, state: Json) -> list[_Machine]:
        """The state's own problems; the machines inside it are for later."""
        if not isinstance(state, dict):
            site.expected("Object", state, "Write an object with a Type.")
            return []
        site = site.reading(language=_state_language(machine, site, state))
        kind = state.get("Type")
        if "Type" not in state:
            site.problem(f"These fields are required: [Type]. Add Type: one of {', '.join(STATES)}.")
            return []
        if not isinstance(kind, str) or kind not in STATES:
            site.at("Type").problem(f"State type {shown(kind)!r} is not supported. Write one of {', '.join(STATES)}.")
            return []
        site = site.of_state(kind)
        STATES[kind].check(site, state)
        _pairs(site, state)
        if kind == "Task":
            check_parameters(site, state)
        label = state.get("Label")
        if kind == "Map" and isinstance(label, str) and label:
            if label in self._labels:
                site.at("Label").problem(f"Duplicate label: {shown(label)}. Rename it.", DUPLICATE_LABEL_NAME)
            self._labels.add(label)
        return _inside(machine, site, kind, state)


def _inside(machine: Site, site: Site, kind: str, state: dict[str, Json]) -> list[_Machine]:
    """The machines in a Parallel or a Map. Their query language is the whole definition's, not the state's."""
    site = site.reading(language=machine.language)
    if kind == "Parallel" and "Branches" in state:
        branches = array(site.at("Branches"), state["Branches"], least=1)
        return [_Machine(place, branch, _BRANCH) for place, branch in branches]
    found = []
    for field in ("ItemProcessor", "Iterator"):
        if kind == "Map" and field in state:
            processor = state[field]
            place = site.at(field)
            if isinstance(processor, dict) and "ProcessorConfig" in processor:
                # Whether the mode may be depends on the outer machine's type; the states inside run as the mode's own.
                processor_config(place.at("ProcessorConfig"), processor["ProcessorConfig"])
            found.append(_Machine(place.reading(machine_type=child_type(site, processor)), processor, _PROCESSOR))
    return found


def _language(site: Site, definition: dict[str, Json]) -> str:
    """Only the exact word is JSONPath; what is neither word is a problem and is read as JSONata, as AWS does."""
    language = definition.get("QueryLanguage", JSONPATH)
    if language not in (JSONPATH, JSONATA):
        place = site.at("QueryLanguage")
        place.problem(f"Value is not one of [{JSONPATH}, {JSONATA}]: {shown(language)!r}. Write one of them.")
    return JSONPATH if language == JSONPATH else JSONATA


def _state_language(machine: Site, site: Site, state: dict[str, Json]) -> str:
    if "QueryLanguage" not in state:
        return machine.language
    language = _language(site, state)
    if machine.is_jsonata and language == JSONPATH:
        site.problem(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine. Remove it here, or set "
            "the machine to JSONPath and its other states to JSONata.",
            about="QueryLanguage",
        )
    return language


def _pairs(site: Site, state: dict[str, Json]) -> None:
    """Rules between two fields of a state."""
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if type(timeout) is int and type(heartbeat) is int and heartbeat >= timeout > 0:
        site.at("HeartbeatSeconds").problem("HeartbeatSeconds must be smaller than TimeoutSeconds. Lower it.")
