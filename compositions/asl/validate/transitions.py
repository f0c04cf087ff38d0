"""How the states of one machine lead to each other: targets that exist, ways in, and a way out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from compositions.asl.validate.problems import MISSING_END_STATE, MISSING_TRANSITION_TARGET, Site, shown
from compositions.asl.values import Json

_FINAL: Final = ("Succeed", "Fail")
_KINDS_THAT_GO_ON: Final = ("Pass", "Task", "Wait", "Parallel", "Map")


def check_transitions(site: Site, start: Json, states: Mapping[Any, Json]) -> None:
    """As AWS does, a state counts as reachable when a transition names it, wherever that one stands."""
    named: set[str] = set()
    ends = False
    if isinstance(start, str):
        _target(site.at("StartAt"), start, states, named)
    for name, state in states.items():
        if not isinstance(state, dict):
            continue
        here = site.at("States", str(name))
        for place, target in targets(here, state):
            _target(place, target, states, named)
        _goes_on_or_ends(here, state)
        ends = ends or state.get("Type") in _FINAL or state.get("End", False) is not False
    if not ends:
        site.problem("Workflow has no terminal state. Add End: true, or a Succeed or Fail state.", MISSING_END_STATE)
    for name in states:
        if isinstance(start, str) and str(name) not in named:
            site.at("States", str(name)).problem(
                f'State "{shown(name)}" is not reachable. Lead a Next to it, or remove it.', MISSING_TRANSITION_TARGET
            )


def targets(site: Site, state: Mapping[str, Json]) -> Iterator[tuple[Site, str]]:
    """Every state name that a state leads to, with the place where it says so."""
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield site.at(field), state[field]
    for field in ("Choices", "Catch"):
        entries = state.get(field)
        for i, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                yield site.at(field, i, "Next"), entry["Next"]


def _target(site: Site, name: str, states: Mapping[Any, Json], named: set[str]) -> None:
    named.add(name)
    if name not in states:
        site.problem(
            f"Missing 'Next' target: {shown(name)}. Name a state of the same States object, or add that state.",
            MISSING_TRANSITION_TARGET,
        )


def _goes_on_or_ends(site: Site, state: Mapping[str, Json]) -> None:
    if state.get("Type") not in _KINDS_THAT_GO_ON:
        return
    if "Next" in state and state.get("End") is True:
        site.problem("There should only be one of the following fields: [Next, End]. Keep one of them.", about="End")
    elif "Next" not in state and ("End" not in state or state["End"] is False):
        site.problem("One of these fields is required: [Next, End]. Add Next with a state's name, or End: true.")
