"""The only wire: sends one request to one target and names every way in which that can fail.

Bytes pass as they are: nothing is decompressed, and redirects are followed only if the target says so, within its own
origin. Nothing is ever sent twice, so a request that met a connection just being closed is lost, and said to be. A call
that is cancelled or out of time closes its connection at once: the target sees that nobody waits any more.
"""

import asyncio
import time
from urllib.parse import urljoin, urlsplit

import msgspec

from breakers.core.settings import TargetSettings

from .addresses import AddressRule
from .connections import Connection, Pool, tls_context
from .errors import AddressRefused, Unsendable
from .faults import WireFailure
from .http1 import Incoming, request_bytes
from .lookups import Lookup
from .messages import Headers, Request
from .ways import PORTS, Reveal, place_of, way_to

__all__ = ["Wire", "WireAnswer", "WireFailure", "open_wire"]

MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


class WireAnswer(msgspec.Struct):
    """Header names are lower-case; repeated headers are repeated."""

    status: int
    headers: Headers
    body: bytes


class Wire:
    """One target's connections. `roots` are PEM certificates to trust beside the system's; `reveal` opens secrets, and
    what it raises is raised here."""

    def __init__(
        self,
        target: TargetSettings,
        *,
        max_body: int,
        addresses: AddressRule,
        roots: tuple[bytes, ...] = (),
        reveal: Reveal = str,
    ) -> None:
        url = urlsplit(target.base_url)
        there = place_of(target.base_url)
        host, port = there.host, there.port
        self._slug = target.slug
        self._authority = there.shown if port != PORTS[url.scheme] else there.shown.rpartition(":")[0]
        self._way = way_to(target, self._authority, reveal)
        self._origin = (url.scheme, host, port)
        self._prefix = url.path.rstrip("/")
        self._follow = target.follow_redirects
        self._max_body = max_body
        place = self._way.place
        self.lookup = Lookup(target.slug, place.host, addresses, named=place.named)
        tls = tls_context(roots) if url.scheme == "https" else None
        self._pool = Pool(self.lookup, self._way, tls=tls, host=host, max_idle=target.max_concurrency)
        # Whom a proxy connects to is the proxy's to look up; what can be judged without, is.
        self._vet = (lambda: addresses.check_name(host)) if self._way.proxied else None
        self._under_way = 0
        self._quiet = asyncio.Event()

    async def send(self, request: Request, *, timeout_s: float) -> WireAnswer:
        """The whole answer, within `timeout_s` from connecting to the last byte.

        Raises WireFailure; AddressRefused (nothing was sent, and it says nothing about the target's health);
        Unsendable (nothing was sent: no HTTP message can carry this request).
        """
        self._under_way += 1
        try:
            if self._follow:
                return await self._exchange_following(request, timeout_s)
            return await self._exchange(request, timeout_s)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._quiet.set()

    async def close(self) -> None:
        """Take no more calls, let those under way end within their own timeouts, then close every connection."""
        await self.lookup.close()
        self._pool.close()
        while self._under_way:
            self._quiet.clear()
            await self._quiet.wait()

    async def _exchange(self, request: Request, timeout_s: float, prefix: str | None = None) -> WireAnswer:
        way = self._way
        path = way.base + (self._prefix if prefix is None else prefix)
        try:
            message = request_bytes(request, path, self._authority, own=way.own, more=way.more)
        except ValueError as error:
            raise Unsendable(self._slug, str(error)) from None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        connection = self._pool.idle() or await self._connect(deadline)
        incoming = Incoming(request.method, self._max_body)
        answer = connection.exchange(message, incoming, loop)
        timer = loop.call_at(deadline, connection.time_out)
        try:
            await answer
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            timer.cancel()
        if way.proxied:
            try:
                way.judge(incoming)
            except WireFailure:
                connection.abort()
                raise
        if incoming.reusable:
            self._pool.give_back(connection)
        else:
            connection.abort()
        return WireAnswer(incoming.status, incoming.headers, incoming.body)

    async def _connect(self, deadline: float) -> Connection:
        try:
            if self._vet is not None:
                self._vet()
        except AddressRefused as refused:
            raise AddressRefused(self._slug, refused.reason) from None
        try:
            async with asyncio.timeout_at(deadline):
                return await self._pool.connect()
        except TimeoutError:
            raise WireFailure("timeout", "no connection came about in time") from None

    async def _exchange_following(self, request: Request, timeout_s: float) -> WireAnswer:
        deadline = time.monotonic() + timeout_s
        target = f"{self._prefix}{request.path}?{request.query}"
        answer = await self._exchange(request, timeout_s)
        for _ in range(MAX_REDIRECTS):
            onward = self._onward(target, answer)
            if onward is None:
                return answer
            method, headers, body = request.method, request.headers, request.body
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "HEAD" if method == "HEAD" else "GET", b""
                headers = [pair for pair in headers if not pair[0].startswith("content-")]
            path, query = onward
            request, target = Request(method, path, query, headers, body), f"{path}?{query}"
            answer = await self._exchange(request, deadline - time.monotonic(), prefix="")
        return answer

    def _onward(self, target: str, answer: WireAnswer) -> tuple[str, str] | None:
        """Path and query to which the answer sends us, if it is a redirect within the registered origin."""
        if answer.status not in _REDIRECTS:
            return None
        location = next((value for name, value in answer.headers if name == "location"), None)
        if not location:
            return None
        scheme, host, port = self._origin
        try:
            url = urlsplit(urljoin(f"{scheme}://{self._authority}{target}", location))
            there = (url.scheme, url.hostname, url.port or PORTS.get(url.scheme))
        except ValueError:
            return None
        if there != (scheme, host, port) or url.username is not None:
            return None
        return url.path or "/", url.query


def open_wire(target: TargetSettings, *, max_body: int, addresses: AddressRule, reveal: Reveal = str) -> Wire:
    """The wire to `target`; it connects when it is first used. Raises what `reveal` raises for a secret."""
    return Wire(target, max_body=max_body, addresses=addresses, reveal=reveal)
