"""What can stand behind a route. A kind is a file here and a line in the table."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from breakers.guard.messages import Answer, Headers
from compositions.engine.flow import Flow

from ..matching import Template
from . import composition, pipe, target


class Arrival(msgspec.Struct):
    """A request as an integration gets it: path and query raw, header fields fit for the next hop.

    `private` names the fields that prove who the caller is, beside those that always do. `consumer` is whose API key it
    was admitted by, `caller` whom an authorizer has proved to call; each is empty where nobody asked.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    private: tuple[str, ...] = ()
    request_id: str = ""
    consumer: str = ""
    caller: str = ""


class Integration(Protocol):
    def answer(self, flow: Flow, arrival: Arrival, parameters: Mapping[str, str]) -> Awaitable[Answer]: ...


# type -> how to make one from a route's `integration` block and its path; ValueError when the block is unusable.
INTEGRATIONS: dict[str, Callable[[Mapping[str, Any], Template], Integration]] = {
    "composition": composition.Composed.parse,
    "pipe": pipe.Accepting.parse,
    "target": target.PassThrough.parse,
}
