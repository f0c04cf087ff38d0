"""The types of state, one table; each is compiled by one callable."""

from collections.abc import Callable, Mapping
from typing import Final

from compositions.asl.states.branching import Parallel
from compositions.asl.states.choosing import compile_choice
from compositions.asl.states.compiling import Compiling
from compositions.asl.states.failing import Fail
from compositions.asl.states.mapping import Map
from compositions.asl.states.passing import Pass
from compositions.asl.states.succeeding import Succeed
from compositions.asl.states.tasking import Task
from compositions.asl.states.waiting import Wait
from compositions.asl.values import Json
from compositions.asl.workflow import State

STATES: Final[dict[str, Callable[[Mapping[str, Json], Compiling], State]]] = {
    "Choice": compile_choice,
    "Fail": Fail,
    "Map": Map,
    "Parallel": Parallel,
    "Pass": Pass,
    "Succeed": Succeed,
    "Task": Task,
    "Wait": Wait,
}

__all__ = ["STATES", "Compiling"]
