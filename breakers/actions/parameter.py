"""A parameter of SSM Parameter Store with one text while open and another while closed."""

import re

from controlplane.aws.plans import Json, Plan, Want

from .kinds import Held, Kind
from .levels import Level

LONGEST = 4096  # of a standard parameter


def want(held: Held, level: Level) -> Want:
    put = held.call("ssm", "put_parameter", Name=held.name, Value=held.value, Type="String", Overwrite=True)
    return Want(
        key=held.key,
        title=f"Parameter {held.name} is {held.value if len(held.value) <= 40 else held.value[:40] + '…'}",
        desired=held.value,
        plan=Plan(f"Put the parameter {held.name}", (put,)),
        look=held.call("ssm", "get_parameter", Name=held.name),
        seen=_value,
        absent=("ParameterNotFound",),
    )


def _value(answer: Json) -> str:
    return str(answer["Parameter"]["Value"])


def _wrong(value: str) -> str:
    return "" if len(value.encode()) <= LONGEST else f"A parameter holds {LONGEST} bytes at most."


PARAMETER = Kind(
    named="SSM parameter",
    rule=re.compile(r"(?!/?(?:aws|ssm)(?:[/.\-_]|$))(?:/?[A-Za-z0-9_.\-]+(?:/[A-Za-z0-9_.\-]+){0,14})", re.IGNORECASE),
    remedy="A parameter's name has letters, digits, dots, hyphens, underscores and slashes, and does not begin with "
    "aws or ssm.",
    opened="true",
    closed="false",
    values=_wrong,
    want=want,
)
