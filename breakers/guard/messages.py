"""What goes through the guard: a request to a target, and the answer with where it came from."""

from typing import Literal

import msgspec

from breakers.core.states import State

Headers = list[tuple[str, str]]


class Request(msgspec.Struct):
    """`path` is absolute and raw (still percent-encoded), `query` raw without `?`; header names are lower-case.

    `private` names headers that, like Authorization, prove who the caller is: what is answered is the caller's own.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = []
    body: bytes = b""
    private: tuple[str, ...] = ()


class Answer(msgspec.Struct):
    """`age_s` is None for a live answer; `fresh` tells a cached answer within its TTL from a stale one."""

    status: int
    headers: Headers
    body: bytes
    source: Literal["live", "cache", "static"] = "live"
    age_s: float | None = None
    fresh: bool = True
    breaker: State = State.CLOSED
