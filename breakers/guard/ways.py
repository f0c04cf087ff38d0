"""How a target is reached, straight or through a proxy, and what its calls carry besides what their callers sent."""

import base64
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

from breakers.core.settings import Secret, TargetSettings

from .addresses import read_host
from .faults import WireFailure
from .http1 import OWN_HEADERS, Incoming

PORTS = {"http": 80, "https": 443}
Reveal = Callable[[str], str]


class Place(msgspec.Struct, frozen=True):
    """A host as it is looked up, and its port."""

    host: str
    port: int
    named: bool

    @property
    def shown(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Way(msgspec.Struct, frozen=True):
    """`place` is whom to connect to. `base` begins every request's target: empty, or an absolute address for a proxy.

    Headers in `own` are not taken from callers; `more` is header lines of ours. `tunnel` is the CONNECT message that
    opens the way to a target behind TLS.
    """

    place: Place
    base: str = ""
    own: frozenset[str] = frozenset(OWN_HEADERS)
    more: str = ""
    tunnel: bytes = b""
    proxied: bool = False

    def judge(self, incoming: Incoming) -> None:
        """Raise WireFailure where the answer to a request is the proxy's own, and no answer of the target."""
        if not self.proxied or self.tunnel:
            return
        if incoming.status == 407:
            raise refused_by_proxy(self.place, 407)
        if incoming.status >= 500 and any(_is_proxys_word(name, value) for name, value in incoming.headers):
            text = f"the proxy {self.place.shown} answered {incoming.status} in the target's place"
            raise WireFailure("proxy_error", text)


def place_of(url: str) -> Place:
    parts = urlsplit(url)
    literal, host = read_host(parts.hostname or "")
    return Place(host, parts.port or PORTS[parts.scheme], literal is None)


def way_to(target: TargetSettings, authority: str, reveal: Reveal) -> Way:
    """`authority` is the target's, as Host says it. Raises what `reveal` raises."""
    there, credentials = place_of(target.base_url), target.credentials
    own, more = set(OWN_HEADERS), ""
    if credentials is not None and credentials.type == "basic":
        own.add("authorization")
        more = f"Authorization: {_basic(credentials.username, _opened(credentials.password, reveal))}\r\n"
    elif credentials is not None:
        own.add(credentials.name.lower())
        more = f"{credentials.name}: {_opened(credentials.value, reveal)}\r\n"
    proxy = target.proxy
    if proxy is None:
        return Way(there, own=frozenset(own), more=more)
    own.add("proxy-authorization")
    said = ""
    if proxy.username:
        said = f"Proxy-Authorization: {_basic(proxy.username, _opened(proxy.password, reveal))}\r\n"
    if target.base_url.startswith("https://"):
        tunnel = f"CONNECT {there.shown} HTTP/1.1\r\nHost: {there.shown}\r\n{said}\r\n".encode()
        return Way(place_of(proxy.url), own=frozenset(own), more=more, tunnel=tunnel, proxied=True)
    return Way(place_of(proxy.url), f"http://{authority}", frozenset(own), more + said, proxied=True)


def refused_by_proxy(place: Place, status: int) -> WireFailure:
    why = ": it wants other credentials" if status == 407 else ""
    return WireFailure("proxy_error", f"the proxy {place.shown} answered {status}{why}", unsent=True)


def _opened(secret: Secret | None, reveal: Reveal) -> str:
    return reveal(secret.sealed) if secret is not None and secret.sealed else ""


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _is_proxys_word(name: str, value: str) -> bool:
    """RFC 9209, and what Squid says of errors of its own."""
    return name == "x-squid-error" or (name == "proxy-status" and "error=" in value.replace(" ", ""))
