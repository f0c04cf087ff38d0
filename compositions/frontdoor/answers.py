"""What goes back to the client: a status, fields and a body, and problems as RFC 9457 says."""

import itertools
import json
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from controlplane.kernel.errors import Problem
from controlplane.kernel.logs import HARMLESS_ID

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Fields = list[tuple[bytes, bytes]]

_numbers = itertools.count()
_worker = secrets.token_hex(8)


class Reply(msgspec.Struct):
    status: int
    headers: Fields
    body: bytes = b""


def own_id(given: str) -> str:
    """The client's id of the request when it is harmless, else one that no other request of any worker has."""
    return given if given and HARMLESS_ID.fullmatch(given) else f"{_worker}{next(_numbers):012x}"


async def send_reply(send: Send, reply: Reply) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})


def problem_reply(problem: Problem, request_id: str, headers: Fields | None = None) -> Reply:
    """The problem as problem+json with target, reason and request id where they are known.

    Retry-After is at least one second: zero would invite a client to ask again in a tight loop.
    """
    document = {**problem.document(), "request_id": request_id}
    fields: Fields = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
    ]
    if problem.retry_after_s is not None:
        fields.append((b"retry-after", b"%d" % max(1, math.ceil(problem.retry_after_s))))
    return Reply(problem.status, fields + (headers or []), json.dumps(document, default=str).encode())


class NotImplementedMethod(Problem):
    """This listener never serves the method: CONNECT would make it a tunnel, TRACE would echo credentials."""

    status = 501
    kind = "method-not-implemented"
    title = "Method not implemented"


class ExpectationFailed(Problem):
    """The request's Expect field asks for something other than 100-continue."""

    status = 417
    kind = "expectation-failed"
    title = "Expectation failed"


class SlowRequest(Problem):
    """The request's body did not arrive in time. Send it again."""

    status = 408
    kind = "slow-request"
    title = "Request took too long to arrive"


class UnusableAnswer(Problem):
    """The target's answer holds header fields that may not be sent on."""

    status = 502
    kind = "unusable-answer"
    title = "Unusable answer from target"
