"""What a gateway does to header fields: RFC 9110, section 7.6, both ways.

Fields that speak about one connection only (hop-by-hop) end here: those that RFC 9110 and its forerunners name, and
those that `Connection` lists. Host and Content-Length are the next hop's own; Via and X-Forwarded-* say who passed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from breakers.guard.messages import Answer, Headers

if TYPE_CHECKING:
    from .cors import Origins

RawHeaders = Sequence[tuple[bytes, bytes]]

PSEUDONYM = "switchgear"
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    )
)
_PERSISTENCE = frozenset((b"keep-alive", b"Keep-Alive", b"close"))  # Connection options that name no field

# Fields of a request that are not passed on as they came; whatever is not here is.
_READ = HOP_BY_HOP | {
    "host",
    "content-length",
    "expect",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
}
_READ_RAW = frozenset(name.encode() for name in _READ)
# Fields of an answer that are written anew.
_WRITTEN = HOP_BY_HOP | {"content-length", "x-cache", "x-request-id"}
_VIA_HERE = (b"via", f"1.1 {PSEUDONYM}".encode())


class Incoming:
    """A request's header fields, read once: what is passed on, and what the front door itself must know.

    `origins` and `limits` are learned on the way: who may read the answer, and the fields that tell of limits.
    """

    __slots__ = (
        "chunked",
        "expect",
        "host",
        "kept",
        "length",
        "limits",
        "origins",
        "proto",
        "raw",
        "request_id",
        "shown_host",
        "sources",
    )

    def __init__(self, headers: RawHeaders) -> None:
        self.raw = headers
        self.origins: Origins | None = None
        self.limits: list[tuple[bytes, bytes]] = []
        self.kept: Headers = []
        self.host = self.shown_host = self.proto = self.request_id = self.expect = self.length = ""
        self.sources: list[str] = []
        self.chunked = False
        listed: set[str] = set()
        for raw_name, raw_value in headers:
            if raw_name not in _READ_RAW:
                try:
                    self.kept.append((raw_name.decode(), raw_value.decode()))
                except UnicodeDecodeError:
                    self.kept.append((raw_name.decode("latin-1"), raw_value.decode("latin-1")))
            elif raw_name == b"connection":
                if raw_value not in _PERSISTENCE:
                    listed.update(listed_options(raw_value.decode("latin-1")))
            else:
                self._read(raw_name, raw_value.decode("latin-1"))
        if listed:
            self.kept = [field for field in self.kept if field[0] not in listed]

    def _read(self, name: bytes, value: str) -> None:
        if name == b"host":
            self.host = value
        elif name == b"x-request-id":
            self.request_id = value
        elif name == b"content-length":
            self.length = value
        elif name == b"x-forwarded-for":
            self.sources.append(value)
        elif name == b"transfer-encoding":
            self.chunked = True
        elif name == b"expect":
            self.expect = value
        elif name == b"x-forwarded-proto":
            self.proto = value
        elif name == b"x-forwarded-host":
            self.shown_host = value

    def scheme(self, seen: str, *, trust_peer: bool) -> str:
        """What the client used: what was seen here, unless the peer is a proxy of our own that has said it."""
        return self.proto if trust_peer and self.proto else seen

    def onward(self, *, peer: str, scheme: str, http_version: str, request_id: str, trust_peer: bool) -> Headers:
        """The fields for the next hop.

        X-Forwarded-For grows by the peer's address. X-Forwarded-Proto and -Host say what was seen here, unless the
        peer is a proxy of our own (`trust_peer`) that has said it. Forwarded is left as it came.
        """
        headers = self.kept
        headers.append(("via", f"{http_version} {PSEUDONYM}"))
        headers.append(("x-forwarded-for", ", ".join((*self.sources, peer)) if self.sources else peer))
        headers.append(("x-forwarded-proto", self.scheme(scheme, trust_peer=trust_peer)))
        host = self.shown_host if trust_peer and self.shown_host else self.host
        if host:
            headers.append(("x-forwarded-host", host))
        headers.append(("x-request-id", request_id))
        return headers


def size_of(headers: RawHeaders) -> int:
    """Bytes of all names and values."""
    return sum(map(len, itertools.chain.from_iterable(headers)))


def listed_options(connection: str) -> set[str]:
    """Names of the fields that a Connection field lists, lower-case."""
    return {option.strip().lower() for option in connection.split(",")} - {"", "close", "keep-alive"}


def first(headers: RawHeaders, name: bytes) -> str | None:
    """The value of a field of which one is expected; of a repeated one, all values joined as RFC 9110 allows."""
    values = [value for field, value in headers if field == name]
    return b", ".join(values).decode("latin-1") if values else None


def answered(answer: Answer, request_id: bytes, *, head: bool) -> list[tuple[bytes, bytes]]:
    """The header fields to answer with, for what the guard gave; repeated ones stay repeated.

    Text above ASCII travels as UTF-8, which is also how it is read where that is possible.
    """
    live = answer.source == "live"
    headers: list[tuple[bytes, bytes]] = []
    listed: set[str] = set()
    age = 0
    for name, value in answer.headers:
        if name not in _WRITTEN:
            if name == "age" and not live:
                age = int(value) if value.isdecimal() and len(value) < 10 else 0
            else:
                headers.append((name.encode(), value.encode()))
        elif name == "connection":
            listed |= listed_options(value)
        elif name == "content-length" and (answer.status == 304 or (head and not answer.body)):
            # Without a body these tell how long the body would have been; only the origin knows.
            headers.append((b"content-length", value.encode()))
    if listed:
        headers = [field for field in headers if field[0].decode() not in listed]
    headers.append(_VIA_HERE)
    headers.append((b"x-cache", provenance(answer)))
    if not live and answer.age_s is not None:
        headers.append((b"age", b"%d" % (age + max(0, int(answer.age_s)))))
    headers.append((b"x-request-id", request_id))
    return headers


def provenance(answer: Answer) -> bytes:
    """The value of X-Cache: where the answer came from."""
    if answer.source == "live":
        return b"LIVE"
    if answer.source == "static":
        return b"STATIC"
    return b"HIT" if answer.fresh else b"STALE"
