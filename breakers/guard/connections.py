"""Connections to one origin: to vetted addresses only, one call at a time on each, kept a little while when idle."""

import asyncio
import ssl
import time
from collections import deque
from functools import cache
from typing import cast

from .faults import WireFailure
from .http1 import Incoming
from .lookups import Lookup
from .ways import Way, refused_by_proxy

IDLE_S = 4.0  # common servers close idle connections after 5 s; giving up first avoids requests lost in that race


class Connection(asyncio.Protocol):
    __slots__ = ("_answer", "_incoming", "_transport", "address", "idle_since", "lost")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._incoming: Incoming | None = None
        self._answer: asyncio.Future[Incoming] | None = None
        self.address = ""
        self.idle_since = 0.0
        self.lost = False

    def exchange(self, message: bytes, incoming: Incoming, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Incoming]:
        """Send `message`; the future is `incoming`, complete, or WireFailure."""
        answer: asyncio.Future[Incoming] = loop.create_future()
        if self._transport is None or self.lost:  # closed as soon as it was accepted
            answer.set_exception(WireFailure("connection_lost", "the connection was closed before anything was sent"))
            return answer
        self._incoming, self._answer = incoming, answer
        self._transport.write(message)
        return answer

    async def secure(self, tls: ssl.SSLContext, host: str, loop: asyncio.AbstractEventLoop) -> None:
        """Go on in TLS with `host` at the other end."""
        if self._transport is None or self.lost:
            raise ConnectionResetError
        self._incoming = self._answer = None
        secured = await loop.start_tls(self._transport, self, tls, server_hostname=host)
        if secured is None:
            raise ConnectionResetError
        self.connection_made(secured)

    def in_step(self) -> bool:
        """Whether the request was sent to its end when its answer came; else the next one would be misread."""
        return not self.lost and self._transport is not None and self._transport.get_write_buffer_size() == 0

    def time_out(self) -> None:
        if self._incoming is not None:
            self._fail(WireFailure("timeout", f"{self._incoming.progress} in time"))

    def abort(self) -> None:
        self.lost = True
        self._incoming = self._answer = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of a class of their own

    def data_received(self, data: bytes) -> None:
        incoming = self._incoming
        if incoming is None:  # nobody asked
            self.abort()
            return
        try:
            complete = incoming.feed(data)
        except WireFailure as failure:
            self._fail(failure)
            return
        if complete:
            self._succeed(incoming)

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._end()
        elif self._incoming is not None:
            self._fail(WireFailure("connection_lost", f"{self._incoming.progress}: {exc}"))
        self.lost = True
        self._transport = None

    def _end(self) -> None:
        self.lost = True
        incoming = self._incoming
        if incoming is None:
            return
        try:
            incoming.end()
        except WireFailure as failure:
            self._fail(failure)
        else:
            self._succeed(incoming)

    def _succeed(self, incoming: Incoming) -> None:
        answer, self._answer, self._incoming = self._answer, None, None
        if answer is not None and not answer.done():
            answer.set_result(incoming)

    def _fail(self, failure: WireFailure) -> None:
        answer = self._answer
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(failure)


class Pool:
    """Connections the way `way` says. `tls` is spoken with `host`, the target, whoever is connected to."""

    def __init__(self, lookup: Lookup, way: Way, *, tls: ssl.SSLContext | None, host: str, max_idle: int) -> None:
        self._lookup, self._way, self._tls, self._host = lookup, way, tls, host
        self._max_idle = max_idle
        self._idle: deque[Connection] = deque()
        self._sweep: asyncio.TimerHandle | None = None

    def idle(self) -> Connection | None:
        """The connection that was used last, so that those which are not needed grow old and close."""
        if time.monotonic() >= self._lookup.due_at:
            self._lookup.start()
        while self._idle:
            connection = self._idle.pop()
            if connection.lost:
                continue
            if connection.address in self._lookup.addresses:
                return connection
            connection.abort()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose answer is complete, if another call may follow on it."""
        known = connection.address in self._lookup.addresses
        if not known or not connection.in_step() or len(self._idle) >= self._max_idle:
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(IDLE_S, self._close_old)

    async def connect(self) -> Connection:
        """A new connection. Raises WireFailure; AddressRefused."""
        try:
            return await self._connect_any()
        except WireFailure as failure:
            if self._way.proxied and failure.error == "connect_error":
                raise _proxys(failure) from None
            raise

    async def _connect_any(self) -> Connection:
        addresses = await self._lookup.vetted()
        for address in addresses:
            try:
                return await self._connect(address)
            except WireFailure as failure:
                self._lookup.failed(address)
                if failure.error != "connect_error" or address == addresses[-1]:
                    raise
        raise AssertionError("vetted() gives at least one address")

    async def _connect(self, address: str) -> Connection:
        loop, port = asyncio.get_running_loop(), self._way.place.port
        tls = None if self._way.tunnel else self._tls
        try:
            _, connection = await loop.create_connection(
                Connection, address, port, ssl=tls, server_hostname=self._host if tls else None
            )
            if self._way.tunnel and self._tls is not None:
                await tunnelled(connection, self._way, self._tls, self._host)
        except ssl.SSLError as error:
            raise WireFailure("tls_error", _said(error)) from None
        except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as error:
            if tls is None:
                raise WireFailure("connect_error", f"{address} port {port}: {error}") from None
            raise WireFailure("tls_error", "the connection was closed during the handshake") from None
        except OSError as error:
            raise WireFailure("connect_error", f"{address} port {port}: {error.strerror or error}") from None
        connection.address = address
        return connection

    def _close_old(self) -> None:
        """The longest idle stand first."""
        self._sweep = None
        limit = time.monotonic() - IDLE_S
        while self._idle and (self._idle[0].lost or self._idle[0].idle_since <= limit):
            self._idle.popleft().abort()
        if self._idle:
            wait_s = max(0.05, self._idle[0].idle_since - limit)
            self._sweep = asyncio.get_running_loop().call_later(wait_s, self._close_old)

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while self._idle:
            self._idle.pop().abort()


async def tunnelled(connection: Connection, way: Way, tls: ssl.SSLContext, host: str) -> None:
    """Ask the proxy for a way to the target and speak TLS through it, with the target alone.

    Raises WireFailure (proxy_error where the proxy gives none), or ssl.SSLError.
    """
    loop, incoming = asyncio.get_running_loop(), Incoming("HEAD", 0)  # like a HEAD, a CONNECT has no body to read
    try:
        try:
            await connection.exchange(way.tunnel, incoming, loop)
        except WireFailure as failure:
            raise _proxys(failure) from None
        if not 200 <= incoming.status < 300:
            raise refused_by_proxy(way.place, incoming.status)
        try:
            await connection.secure(tls, host, loop)
        except ConnectionError:
            raise WireFailure("tls_error", "the connection was closed during the handshake") from None
    except BaseException:
        connection.abort()
        raise


def _proxys(failure: WireFailure) -> WireFailure:
    return WireFailure("proxy_error", f"the proxy: {failure.detail}", unsent=True)


def tls_context(roots: tuple[bytes, ...]) -> ssl.SSLContext:
    """The system's certificate authorities, and `roots` (PEM) beside them."""
    return _tls_context(roots)


@cache
def _tls_context(roots: tuple[bytes, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    for root in roots:
        context.load_verify_locations(cadata=root.decode())
    return context


def _said(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    return f"{error.reason or error}".lower().replace("_", " ")
