"""Which web pages may call a stage and read its answers: https://fetch.spec.whatwg.org/#http-cors-protocol.

A stage that states origins speaks for its downstreams: it answers preflights itself, and a downstream's own word on
origins is left out. Credentials are not offered: a page sends a key or token in a field, never by cookie.
"""

from collections.abc import Iterable

from breakers.delays.documents import EXPOSED

from .answers import Fields, Reply
from .headers import RawHeaders, first

MAX_AGE_S = 600
READABLE = f"{EXPOSED}, RateLimit, RateLimit-Policy, X-Request-ID, WWW-Authenticate".encode()
# What a page may know of a downstream's answer stays; who may know it is the stage's to say.
_DOWNSTREAMS = b"access-control-expose-headers"


class Origins:
    """The origins of one stage, at least one."""

    __slots__ = ("_all", "_origins")

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.rstrip("/").lower().encode("latin-1") for origin in origins)
        self._all = b"*" in self._origins

    @classmethod
    def of(cls, origins: Iterable[str]) -> "Origins | None":
        """None when none are stated: the downstream answers for itself."""
        stated = tuple(origins)
        return cls(stated) if stated else None

    def preflight(self, headers: RawHeaders, offered: Iterable[str], request_id: bytes) -> Reply:
        """What a browser asks before it sends a request that is not simple. An origin that may not gets no word."""
        fields: Fields = [
            (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            (b"x-request-id", request_id),
        ]
        if (allowed := self._allowed(headers)) is not None:
            wanted = first(headers, b"access-control-request-headers")
            fields += [
                (b"access-control-allow-origin", allowed),
                (b"access-control-allow-methods", ", ".join(sorted(offered)).encode()),
                (b"access-control-max-age", b"%d" % MAX_AGE_S),
            ]
            if wanted:
                fields.append((b"access-control-allow-headers", wanted.encode("latin-1")))
        return Reply(204, fields)

    def on(self, headers: RawHeaders, fields: Fields) -> Fields:
        """An answer's fields with the stage's word on who may read it."""
        kept = [f for f in fields if not f[0].startswith(b"access-control-") or f[0] == _DOWNSTREAMS]
        if not self._all:
            kept.append((b"vary", b"Origin"))
        if (allowed := self._allowed(headers)) is not None:
            kept += [(b"access-control-allow-origin", allowed), (b"access-control-expose-headers", READABLE)]
        return kept

    def _allowed(self, headers: RawHeaders) -> bytes | None:
        if self._all:
            return b"*"
        origin = next((value for name, value in headers if name == b"origin"), None)
        return origin if origin is not None and origin.lower() in self._origins else None


def is_preflight(method: str, headers: RawHeaders) -> bool:
    if method != "OPTIONS":
        return False
    names = {name for name, _ in headers}
    return b"origin" in names and b"access-control-request-method" in names
