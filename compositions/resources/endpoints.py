"""Where an ApiEndpoint leads: a registered target, and path and query below its base URL.

`target://slug/path?query` names the target; an absolute URL belongs to the target whose base URL it begins with, of
several to the one with the longest. Whatever belongs to none is refused: a definition can call nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from .context import ResourceError

SCHEME = "target://"
_PORTS = {"http": 80, "https": 443}
_Origin = tuple[str, str, int]


class Settings(Protocol):
    @property
    def base_url(self) -> str: ...


class Guarded(Protocol):
    @property
    def settings(self) -> Settings: ...


class Endpoint(NamedTuple):
    """`path` is absolute and below the target's base URL; `query` is raw, without its question mark."""

    target: str
    path: str
    query: str


class Endpoints:
    """Finds targets by address. The index of absolute URLs is made when one is asked for, once per configuration."""

    def __init__(self, circuits: Mapping[str, Guarded]) -> None:
        self._circuits = circuits
        self._index: dict[_Origin, list[tuple[str, str]]] | None = None

    def forget(self) -> None:
        """The targets may have changed."""
        self._index = None

    def find(self, address: str) -> Endpoint:
        """Raises ResourceError for what no target is registered for, with the remedy."""
        if address.startswith(SCHEME):
            endpoint = _named(address)
            if endpoint.target not in self._circuits:
                cause = f"There is no target {endpoint.target!r}. Register it, or correct the ApiEndpoint."
                raise ResourceError("Target.Unknown", cause)
            return endpoint
        return self._by_url(address)

    def _by_url(self, address: str) -> Endpoint:
        origin, path, query = _split(address)
        if self._index is None:
            self._index = self._indexed()
        for prefix, slug in self._index.get(origin, ()):
            if not prefix or path == prefix or path.startswith(f"{prefix}/"):
                return Endpoint(slug, path[len(prefix) :] or "/", query)
        cause = f"No registered target has the address {address!r}. Register one with this base URL."
        raise ResourceError("Target.Unknown", cause)

    def _indexed(self) -> dict[_Origin, list[tuple[str, str]]]:
        index: dict[_Origin, list[tuple[str, str]]] = {}
        for slug in sorted(self._circuits):
            origin, path, _ = _split(self._circuits[slug].settings.base_url)
            index.setdefault(origin, []).append((path.rstrip("/"), slug))
        for entries in index.values():
            entries.sort(key=lambda entry: -len(entry[0]))
        return index


@lru_cache(maxsize=4096)
def _named(address: str) -> Endpoint:
    rest, _, _ = address[len(SCHEME) :].partition("#")
    rest, _, query = rest.partition("?")
    slug, slash, path = rest.partition("/")
    return Endpoint(slug, slash + path or "/", query)


@lru_cache(maxsize=1024)
def _split(address: str) -> tuple[_Origin, str, str]:
    try:
        url = urlsplit(address)
        origin = (url.scheme, url.hostname or "", url.port or _PORTS.get(url.scheme, 0))
    except ValueError as error:
        raise ResourceError("Target.Unknown", f"{address!r} is no address: {error}.") from None
    if url.scheme not in _PORTS or url.username is not None:
        cause = f"{address!r} is no address of a target: write target://slug/path, or a URL without credentials."
        raise ResourceError("Target.Unknown", cause)
    return origin, url.path or "/", url.query
