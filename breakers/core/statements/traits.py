"""What a statement may ask about one request. Whatever costs something is worked out when it is first asked."""

from collections.abc import Sequence
from urllib.parse import unquote_plus

import msgspec

from breakers.core.networks import number_of

UNASKED = 1 << 200  # no address has this number


class Traits(msgspec.Struct, kw_only=True):
    """One request as the rules see it.

    `path` is canonical and percent-decoded, `raw_path` as it came; both as the client sent them, a stage's base path
    included. `headers` are the raw fields with lower-case names. `peer` is the address at the other end of the
    connection, `client` the one that trusted proxies vouch for (the peer's when there are none). `key` is the id of
    the API key, never the key itself. Sizes are in bytes.
    """

    method: str
    path: str
    raw_path: str = ""
    query: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    peer: str = ""
    client: str = ""
    stage: str = ""
    route: str = ""
    key: str = ""
    consumer: str = ""
    body_bytes: int = 0
    header_bytes: int = 0
    labels: frozenset[str] = frozenset()
    _peer: int | None = UNASKED
    _client: int | None = UNASKED
    _pairs: list[tuple[str, str]] | None = None

    @property
    def peer_number(self) -> int | None:
        if self._peer == UNASKED:
            self._peer = number_of(self.peer)
        return self._peer

    @property
    def client_number(self) -> int | None:
        if self._client == UNASKED:
            self._client = self.peer_number if self.client == self.peer else number_of(self.client)
        return self._client

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query, decoded, in order."""
        if self._pairs is None:
            self._pairs = [_pair(part) for part in self.query.split("&") if part]
        return self._pairs

    def header_values(self, name: bytes) -> list[str]:
        """Every value of the field with this lower-case name."""
        return [text_of(value) for field, value in self.headers if field == name]

    def query_values(self, name: str) -> list[str]:
        return [value for field, value in self.query_pairs if field == name]


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    if "%" in part or "+" in part:
        return unquote_plus(name), unquote_plus(value)
    return name, value


def text_of(value: bytes) -> str:
    """A field's value: UTF-8 where it is, else byte by byte."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
