"""One request from socket to answer.

    built-in below /-/ | route -> body -> integration -> guard -> answer

Nothing here waits for a store or a database. Whatever goes wrong leaves as problem+json; a traceback never does.
"""

import asyncio
import gc
import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from breakers.delays import DelayDocs
from breakers.delays.documents import EXPOSED
from controlplane.config.feed import ConfigFeed
from controlplane.config.feed import Snapshot as ConfigSnapshot
from controlplane.kernel.errors import Invalid, MethodNotAllowed, NotFound, Problem, TooLarge, Unavailable
from controlplane.kernel.logs import HARMLESS_ID

from .answers import (
    ExpectationFailed,
    Fields,
    Message,
    NotImplementedMethod,
    Receive,
    Reply,
    Send,
    SlowRequest,
    UnusableAnswer,
    problem_reply,
    send_reply,
)
from .builtins import METHODS, Builtins
from .disconnects import Disconnects
from .headers import Incoming, RawHeaders, answered, first
from .integrations import Arrival, Guard
from .matching import PathError, canonical
from .routes import RouteTable

BODY_WITHIN_S = 60.0
READY_WITHIN_S = 1.0
START_AGAIN_S = 1.0
CLOSE_WITHIN_S = 5.0
# Requests under way together hold more objects than the collector's 700; it would run, find nothing, and take 7 % of
# the CPU. Only objects that refer to each other in a circle wait for it.
COLLECT = (10_000, 20, 100)
# CONNECT would make this a tunnel, TRACE would echo credentials.
NEVER = frozenset(("CONNECT", "TRACE"))

log = structlog.get_logger("switchgear.frontdoor")
_numbers = itertools.count()
_worker = secrets.token_hex(8)


class Plane(Protocol):
    """What the front door needs of the process that hosts it: breakers.dataplane.DataPlane, or less."""

    @property
    def config(self) -> ConfigFeed: ...
    @property
    def guard(self) -> Guard: ...
    @property
    def delays(self) -> DelayDocs: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...


class ClientGone(Exception):
    """Nobody is left to answer."""


class FrontDoor:
    """An ASGI application. `open_plane` makes the DataPlane on the loop that will serve the requests."""

    def __init__(
        self,
        open_plane: Callable[[], Plane],
        *,
        max_body: int,
        origins: Sequence[str],
        banner: Path,
        trust_peer: bool = False,
    ) -> None:
        self._open_plane = open_plane
        self._max_body = max_body
        self._trust_peer = trust_peer
        self._builtins = Builtins(banner, origins)
        self._disconnects = Disconnects()
        self._plane: Plane | None = None
        self._table = RouteTable()
        self._loaded = False

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        # Not itself a coroutine: each one more in the chain is resumed at every step of every call.
        if scope["type"] == "http":
            if scope["raw_path"].startswith(b"/-/"):
                return send_reply(send, self._builtin(scope))
            return self._serve(scope, receive, send)
        return self._live(receive, send) if scope["type"] == "lifespan" else send({"type": "websocket.close"})

    # Life -------------------------------------------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start at once, ready or not: until the configuration is there, requests are told when to come back."""
        opening: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                opening = asyncio.get_running_loop().create_task(self._open())
                await asyncio.wait((opening,), timeout=READY_WITHIN_S)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if opening is not None:
                    opening.cancel()
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _open(self) -> None:
        while True:
            plane = self._open_plane()
            plane.config.subscribe(self._swap)
            try:
                await plane.start()
            except Exception:
                log.exception("data_plane_not_started")
                await asyncio.sleep(START_AGAIN_S)
                continue
            self._plane = plane
            gc.collect()
            gc.freeze()  # what is loaded now stays: the collector need not look at it again on the request path
            gc.set_threshold(*COLLECT)
            return

    async def _close(self) -> None:
        plane, self._plane = self._plane, None
        if plane is not None:
            try:
                await asyncio.wait_for(plane.close(), CLOSE_WITHIN_S)
            except Exception:
                log.exception("data_plane_not_closed")

    def _swap(self, snapshot: ConfigSnapshot) -> None:
        self._table, self._loaded = self._table.follow(snapshot), True

    # Requests ---------------------------------------------------------------------------------------------------------

    def _builtin(self, scope: Message) -> Reply:
        headers: RawHeaders = scope["headers"]
        try:
            plane = self._plane
            return self._builtins.answer(
                scope["method"],
                scope["raw_path"].decode("latin-1"),
                scope["query_string"],
                headers,
                plane.delays if plane is not None else None,
                plane.config.snapshot.version if plane is not None else None,
            )
        except Exception as error:
            request_id = _request_id(first(headers, b"x-request-id") or "")
            more = [(b"allow", METHODS)] if isinstance(error, MethodNotAllowed) else []
            return self._problem(error, request_id, headers, more)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        incoming = Incoming(scope["headers"])
        request_id = _request_id(incoming.request_id)
        try:
            try:
                reply = await self._routed(scope, receive, incoming, request_id)
            except ClientGone:
                return
            except Exception as error:
                reply = self._problem(error, request_id, scope["headers"])
            try:
                await send_reply(send, reply)
            except RuntimeError as error:  # the server takes no field that would break the answer's framing
                log.warning("answer_not_sendable", request_id=request_id, error=str(error))
                await send_reply(send, self._problem(UnusableAnswer(), request_id, scope["headers"]))
        except asyncio.CancelledError:
            if not self._disconnects.caused():
                raise

    async def _routed(self, scope: Message, receive: Receive, incoming: Incoming, request_id: str) -> Reply:
        plane, table = self._plane, self._table
        if plane is None or not self._loaded:
            raise not_loaded()
        method: str = scope["method"]
        if method in NEVER:
            raise NotImplementedMethod(f"{method} is never served.")
        raw_path = scope["raw_path"].decode("latin-1")
        if raw_path == "*" and method == "OPTIONS":
            return self._builtins.preflight(scope["headers"])
        try:
            path = canonical(raw_path)
        except PathError as error:
            raise Invalid(str(error)) from None
        has_body = incoming.chunked or incoming.length not in ("", "0") or scope["http_version"] == "2"
        body = None if has_body else b""
        while True:
            found = table.matcher.find(method, path)
            if found is None:
                return self._unmatched(table, method, path, request_id, scope["headers"])
            if incoming.expect and incoming.expect.lower() != "100-continue":
                raise ExpectationFailed(f"Expect: {incoming.expect} is not understood.")
            if body is not None:
                break
            body = await self._body(incoming, receive)
            if table is self._table:
                break
            table = self._table  # a newer version came while the body did: it alone decides
        route, parameters = found
        head = method == "HEAD"
        arrival = Arrival(
            "GET" if head and route.head_as_get else method,
            raw_path,
            scope["query_string"].decode("latin-1"),
            incoming.onward(
                peer=scope["client"][0],
                scheme=scope["scheme"],
                http_version=scope["http_version"],
                request_id=request_id,
                trust_peer=self._trust_peer,
            ),
            body,
        )
        waiting = self._disconnects.enter(receive)
        try:
            answer = await route.integration.answer(plane.guard, arrival, parameters)
        finally:
            self._disconnects.leave(waiting)
        return Reply(answer.status, answered(answer, request_id.encode(), head=head), answer.body)

    def _unmatched(self, table: RouteTable, method: str, path: str, request_id: str, headers: RawHeaders) -> Reply:
        offered = table.matcher.methods(path)
        if not offered:
            raise NotFound("No route leads here.")
        allow: Fields = [(b"allow", ", ".join(sorted(offered | {"OPTIONS"})).encode())]
        if method == "OPTIONS":
            return Reply(204, [*allow, (b"x-request-id", request_id.encode())])
        return self._problem(MethodNotAllowed(f"{method} is not possible here."), request_id, headers, allow)

    async def _body(self, incoming: Incoming, receive: Receive) -> bytes:
        """The whole body; the limit holds for what is announced and, in chunks, for what comes."""
        limit = self._max_body
        if incoming.length and (not incoming.length.isdecimal() or int(incoming.length) > limit):
            raise too_large(limit)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    part = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large(limit)
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts) if len(parts) > 1 else part
        except TimeoutError:
            raise SlowRequest(f"The body did not arrive within {BODY_WITHIN_S:g} s.") from None

    def _problem(self, error: Exception, request_id: str, headers: RawHeaders, more: Fields | None = None) -> Reply:
        """Any error as problem+json; what nobody foresaw is logged under the request's id and told as little more."""
        if not isinstance(error, Problem):
            log.error("request_failed", request_id=request_id, exc_info=error)
            error = Problem("Something went wrong on our side; the log knows more under this request_id.")
        fields = list(more or ())
        if first(headers, b"origin") is not None:
            fields += self._builtins.allow_origin(headers)
            fields.append((b"access-control-expose-headers", EXPOSED.encode()))
        return problem_reply(error, request_id, fields)


def not_loaded() -> Unavailable:
    return Unavailable("The configuration is not loaded yet.", reason="starting", retry_after_s=1)


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"At most {limit} bytes are taken.", limit=limit)


def _request_id(given: str) -> str:
    """The client's id when it is harmless, else one that no other request of any worker has."""
    return given if given and HARMLESS_ID.fullmatch(given) else f"{_worker}{next(_numbers):012x}"
