"""An EventBridge Pipe, STOPPED or RUNNING: the queue behind it keeps what arrives while it is stopped."""

import re

from controlplane.aws.plans import Json, Plan, Want

from .kinds import Held, Kind
from .levels import Level

VERBS = {"STOPPED": "stop_pipe", "RUNNING": "start_pipe"}
# States that end by themselves; AWS refuses to stop or start a pipe meanwhile.
PASSING = ("STOPPING", "STARTING", "CREATING", "UPDATING")


def want(held: Held, level: Level) -> Want:
    change = held.call("pipes", VERBS[held.value], Name=held.name)
    return Want(
        key=held.key,
        title=f"Pipe {held.name} is {held.value}",
        desired=held.value,
        plan=Plan(f"{'Stop' if held.value == 'STOPPED' else 'Start'} the pipe {held.name}", (change,)),
        look=held.call("pipes", "describe_pipe", Name=held.name),
        seen=_state,
        passing=PASSING,
    )


def _state(answer: Json) -> str:
    return str(answer["CurrentState"])


def _wrong(value: str) -> str:
    return "" if value in VERBS else "A pipe is STOPPED or RUNNING."


PIPE = Kind(
    named="EventBridge Pipe",
    rule=re.compile(r"[.\-_A-Za-z0-9]{1,64}"),
    remedy="A pipe's name has 1 to 64 letters, digits, dots, hyphens and underscores.",
    opened="STOPPED",
    closed="RUNNING",
    values=_wrong,
    want=want,
)
