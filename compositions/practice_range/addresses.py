"""Where each part of the practice range listens, worked out from the environment in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# The order gives each service its port: RANGE_PORT + 1, + 2, … Append only, or bookmarks and curl lines go stale.
SLUGS = ("articles", "search", "payment", "content", "newsletter", "loyalty", "fraud", "monolith")

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8090
DEFAULT_FRONTDOOR_URL = "http://127.0.0.1:8080"


class BadAddress(ValueError):
    """An environment variable that names no usable address; the text says which and what to set."""


@dataclass(frozen=True)
class Addresses:
    """The range's own listener, one port for each service after it, and the front door that its site talks to."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    frontdoor_url: str = DEFAULT_FRONTDOOR_URL

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Addresses:
        raw_port = environment.get("RANGE_PORT") or str(DEFAULT_PORT)
        last_usable = 65535 - len(SLUGS)
        if not raw_port.isdecimal() or not 0 < int(raw_port) <= last_usable:
            raise BadAddress(f"RANGE_PORT is {raw_port!r}. Set it to a whole number from 1 to {last_usable}.")
        frontdoor_url = (environment.get("FRONTDOOR_URL") or DEFAULT_FRONTDOOR_URL).rstrip("/")
        if not _is_origin(frontdoor_url):
            raise BadAddress(f"FRONTDOOR_URL is {frontdoor_url!r}. Set it like {DEFAULT_FRONTDOOR_URL}.")
        return cls(environment.get("RANGE_HOST") or DEFAULT_HOST, int(raw_port), frontdoor_url)

    @property
    def control_url(self) -> str:
        return self._url(self.port)

    def port_of(self, slug: str) -> int:
        return self.port + 1 + SLUGS.index(slug)

    def url_of(self, slug: str) -> str:
        return self._url(self.port_of(slug))

    def _url(self, port: int) -> str:
        # A wildcard is where to listen, not where to call.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_origin(url: str) -> bool:
    """True for scheme://host[:port] and nothing more, because the value also goes into a security header."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    safe = all(character.isalnum() or character in ":/.-[]" for character in url)
    return safe and parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.path
