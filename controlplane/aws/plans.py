"""What is to be done at AWS, as data: a call, a plan of calls, and a want that is to hold until it is wanted no more.

Want ("the pipe is STOPPED while the circuit is open")
  look: Call   how to see what is there, when that can be seen
  plan: Plan   the calls that bring it about
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

Json = dict[str, Any]
MOST_SHOWN = 200


class Call(msgspec.Struct, frozen=True):
    """One request: `service` and `operation` as boto3 names them. An empty account or region is the default one."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = {}
    account: str = ""
    region: str = ""

    @property
    def line(self) -> str:
        """`pipes.stop_pipe(Name="subscriptions") in eu-central-1`, as a dry run and the journal show it."""
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in self.parameters.items())
        place = "".join(f" {word} {name}" for word, name in (("in", self.region), ("as", self.account)) if name)
        return f"{self.service}.{self.operation}({shown}){place}"


class Plan(msgspec.Struct, frozen=True):
    """Calls in their order; the first that fails ends it."""

    title: str
    calls: tuple[Call, ...]

    @property
    def lines(self) -> list[str]:
        return [call.line for call in self.calls]


class Want(msgspec.Struct, frozen=True):
    """Something that shall hold at AWS, whoever changes it.

    `desired` is compared with what `seen` makes of the answer to `look`; `passing` are states that end by themselves
    and are waited for. What cannot be looked at is done once whenever `desired` or `turn` changes, but not at first
    when it is `calm`.
    """

    key: str
    title: str
    desired: str
    plan: Plan
    turn: str = ""
    look: Call | None = None
    seen: Callable[[Json], str] = str
    passing: tuple[str, ...] = ()
    calm: bool = False
    absent: tuple[str, ...] = ()  # names of errors by which AWS says that nothing is there yet


class NotKnown(Exception):
    """What shall hold cannot be known now, so that everything is left as it is."""


class Publisher(Protocol):
    """An entry of AWS_PUBLISHERS: everything of one kind that shall hold now. It reads, and calls nothing at AWS.

    Raises NotKnown rather than to guess.
    """

    def __call__(self) -> list[Want]: ...


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
