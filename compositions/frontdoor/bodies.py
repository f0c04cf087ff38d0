"""Reads a request's body, within a size and a time."""

import asyncio

from controlplane.kernel.errors import TooLarge

from .answers import Receive, SlowRequest
from .headers import Incoming

WITHIN_S = 60.0


class ClientGone(Exception):
    """Nobody is left to answer."""


def check_announced(incoming: Incoming, limit: int) -> None:
    """Refuse a body that says itself that it is larger, before any of it is read."""
    if incoming.length and (not incoming.length.isdecimal() or int(incoming.length) > limit):
        raise too_large(limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises TooLarge once more than `limit` bytes came, SlowRequest, or ClientGone."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts) if len(parts) > 1 else part
    except TimeoutError:
        raise SlowRequest(f"The body did not arrive within {WITHIN_S:g} s.") from None


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"At most {limit} bytes are taken.", limit=limit)
