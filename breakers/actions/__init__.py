"""Actions: what is to hold at AWS while a circuit, a journey or a pipe is open, and what while it is closed.

`KINDS` says what an action can hold. Each kind is a file here.
"""

from breakers.actions.event import EVENT
from breakers.actions.kinds import Kind
from breakers.actions.parameter import PARAMETER
from breakers.actions.pipe import PIPE

KINDS: dict[str, Kind] = {"pipe": PIPE, "parameter": PARAMETER, "event": EVENT}

__all__ = ["KINDS", "Kind"]
