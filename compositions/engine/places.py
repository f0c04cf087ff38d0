"""Where in a definition something happened, as the outline writes it: `/States/Gather/Branches[0]/States/Get`."""

from collections.abc import Mapping
from typing import Any, Final

from compositions.asl.ports import Key
from compositions.asl.values import Json

# Stands between the place of a task and the places of the workflow that it ran.
NESTED: Final = ("nested", 0)


def state_path(place: Key, definition: Mapping[str, Json]) -> tuple[str, tuple[int, ...]]:
    """The path, and the index of each Map item around it. A nested workflow's place begins anew after `/Nested`."""
    path, items = "", []
    machine: Any = definition
    state: Any = None
    for name, number in place:
        if state is None:
            path += f"/States/{name}"
            state = _member(_member(machine, "States"), name) or {}
        elif name == "attempt":
            continue
        else:
            if name == "branch":
                path += f"/Branches[{number}]"
                branches = _member(state, "Branches")
                machine = branches[number] if isinstance(branches, list) and number < len(branches) else {}
            elif name == "item":
                field = "Iterator" if "Iterator" in state else "ItemProcessor"
                path += f"/{field}"
                items.append(number)
                machine = _member(state, field)
            else:
                path += "/Nested"
                machine = {}
            state = None
    return path, tuple(items)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None
