"""One request from socket to answer.

    built-in below /-/ | stage -> route -> admission -> body -> integration -> guard -> answer

Admission comes before the body is read, so that what is refused costs little, and before the guard, so that a refusal
of our own is nothing that a circuit could count. Nothing here waits for a store or a database while tokens and units
are at hand. Whatever goes wrong leaves as problem+json; a traceback never does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from breakers.admission.challenges import WebReply
from breakers.admission.door import Admitted, Inbound
from breakers.admission.errors import HeadersTooLarge, NotAdmitted
from breakers.admission.gates import Gate
from compositions.engine.flow import Flow
from controlplane.config.feed import Snapshot as ConfigSnapshot
from controlplane.kernel.errors import Invalid, MethodNotAllowed, NotFound, Problem

from .answers import (
    ExpectationFailed,
    Fields,
    Message,
    NotImplementedMethod,
    Receive,
    Reply,
    Send,
    UnusableAnswer,
    own_id,
    problem_reply,
    send_reply,
)
from .bodies import ClientGone, check_announced, read_body
from .builtins import METHODS, Builtins, not_loaded
from .circuits import Outside
from .cors import READABLE, Origins, is_preflight
from .disconnects import Disconnects
from .headers import Incoming, RawHeaders, answered, first, size_of
from .integrations import Arrival
from .life import Life, OpenBeside, Plane
from .matching import PathError, canonical
from .routes import Route, RouteTable
from .self_service import OWN, own_answer
from .stages import Entrance
from .streams import PATH as EVENTS
from .streams import Streams

# CONNECT would make this a tunnel, TRACE would echo credentials.
LIMITS = frozenset((b"ratelimit", b"ratelimit-policy"))
NEVER = frozenset(("CONNECT", "TRACE"))
ANYBODY = Admitted([])

log = structlog.get_logger("switchgear.frontdoor")


class FrontDoor:
    """An ASGI application. `open_plane` makes the DataPlane on the loop that will serve the requests, and
    `open_beside` what lives beside it there.
    """

    def __init__(
        self,
        open_plane: Callable[[], Plane],
        *,
        max_body: int,
        origins: Sequence[str],
        banner: Path,
        trust_peer: bool = False,
        open_beside: OpenBeside | None = None,
    ) -> None:
        self._max_body = max_body
        self._trust_peer = trust_peer
        self._life = Life(open_plane, self._swap, open_beside)
        self._builtins = Builtins(banner, origins)
        self._streams = Streams(lambda: self._life.plane if self._loaded else None, self._builtins)
        self._disconnects = Disconnects()
        self._outside = Outside()
        self._table = RouteTable()
        self._loaded = False

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        # Not itself a coroutine: each one more in the chain is resumed at every step of every call.
        if scope["type"] == "http":
            if scope["raw_path"].startswith(b"/-/"):
                if scope["raw_path"] == EVENTS:
                    return self._streams.serve(scope, receive, send)
                if scope["raw_path"].startswith(OWN):
                    return self._serve_own(scope, receive, send)
                return send_reply(send, self._builtin(scope))
            return self._serve(scope, receive, send)
        return self._life.live(receive, send) if scope["type"] == "lifespan" else send({"type": "websocket.close"})

    @property
    def plane(self) -> Plane | None:
        """What serves the requests; None until it has started."""
        return self._life.plane

    @property
    def flow(self) -> Flow | None:
        """What runs the compositions behind the routes; None until it has started."""
        return self._life.flow

    def _swap(self, snapshot: ConfigSnapshot) -> None:
        self._table, self._loaded = self._table.follow(snapshot), True

    # Requests ---------------------------------------------------------------------------------------------------------

    def _builtin(self, scope: Message) -> Reply:
        headers: RawHeaders = scope["headers"]
        try:
            plane = self._life.plane
            return self._builtins.answer(
                scope["method"],
                scope["raw_path"].decode("latin-1"),
                scope["query_string"],
                headers,
                plane.delays if plane is not None else None,
                plane.config.snapshot.version if plane is not None else None,
            )
        except Exception as error:
            request_id = own_id(first(headers, b"x-request-id") or "")
            more = [(b"allow", METHODS)] if isinstance(error, MethodNotAllowed) else []
            return self._problem(error, request_id, headers, more)

    async def _serve_own(self, scope: Message, receive: Receive, send: Send) -> None:
        headers: RawHeaders = scope["headers"]
        if scope["method"] == "OPTIONS":
            await send_reply(send, self._builtins.preflight(headers))
            return
        try:
            plane = self._life.plane if self._loaded else None
            reply = await own_answer(scope, receive, plane, self._outside, trust_peer=self._trust_peer)
        except ClientGone:
            return
        except Exception as error:
            more = [(b"allow", METHODS)] if isinstance(error, MethodNotAllowed) else []
            reply = self._problem(error, own_id(first(headers, b"x-request-id") or ""), headers, more)
        else:
            if first(headers, b"origin") is not None:
                reply.headers = reply.headers + self._builtins.allow_origin(headers)
        await send_reply(send, reply)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        incoming = Incoming(scope["headers"])
        request_id = own_id(incoming.request_id)
        try:
            try:
                reply = await self._routed(scope, receive, incoming, request_id)
            except ClientGone:
                return
            except Exception as error:
                reply = self._problem(error, request_id, incoming.raw, incoming.limits, incoming.origins)
            try:
                await send_reply(send, reply)
            except RuntimeError as error:  # the server takes no field that would break the answer's framing
                log.warning("answer_not_sendable", request_id=request_id, error=str(error))
                await send_reply(send, self._problem(UnusableAnswer(), request_id, incoming.raw))
        except asyncio.CancelledError:
            if not self._disconnects.caused():
                raise

    async def _routed(self, scope: Message, receive: Receive, incoming: Incoming, request_id: str) -> Reply:
        plane, flow, table = self._life.plane, self._life.flow, self._table
        if plane is None or flow is None or not self._loaded:
            raise not_loaded()
        method: str = scope["method"]
        if method in NEVER:
            raise NotImplementedMethod(f"{method} is never served.")
        whole_raw = scope["raw_path"].decode("latin-1")
        if whole_raw == "*" and method == "OPTIONS":
            return self._builtins.preflight(incoming.raw)
        try:
            whole = canonical(whole_raw)
        except PathError as error:
            raise Invalid(str(error)) from None
        has_body = incoming.chunked or incoming.length not in ("", "0") or scope["http_version"] == "2"
        body = None if has_body else b""
        host = incoming.shown_host if self._trust_peer and incoming.shown_host else incoming.host
        passed: Gate | None = None
        admitted = ANYBODY
        while True:
            entrance = self._enter(table, host, whole, incoming)
            path = entrance.below(whole) if entrance.base else whole
            if entrance.origins is not None and is_preflight(method, incoming.raw):
                return self._preflight(entrance, path, incoming, request_id)
            found = entrance.matcher.find(method, path)
            if found is None:
                return self._unmatched(entrance, method, path, request_id, incoming)
            route, parameters = found
            if incoming.expect and incoming.expect.lower() != "100-continue":
                raise ExpectationFailed(f"Expect: {incoming.expect} is not understood.")
            limit = self._max_body if entrance.max_body is None else entrance.max_body
            if has_body:
                check_announced(incoming, limit)
            gate = plane.admission.gate(entrance.slug, route.slug)
            if gate is None:
                if route.guarded:
                    raise not_loaded()
            elif not gate.same(passed):
                if body is None and "body" in gate.weighs and not incoming.length:
                    # Only its end tells how large it is, and a rule wants to know before anything else is done.
                    body = await read_body(receive, limit)
                verdict = await plane.admission.admit(gate, self._inbound(scope, incoming, route, whole, body))
                if isinstance(verdict, WebReply):
                    fields: Fields = [*verdict.headers, (b"x-request-id", request_id.encode())]
                    return Reply(verdict.status, fields, verdict.body)
                passed, admitted, incoming.limits = gate, verdict, verdict.fields
            if body is None:
                body = await read_body(receive, limit)
            if table is self._table:
                break
            table = self._table  # a newer version came meanwhile: it alone decides
        head = method == "HEAD"
        if passed is not None:
            plane.admission.tidy(passed, incoming.kept)
        arrival = Arrival(
            "GET" if head and route.head_as_get else method,
            entrance.below_raw(whole_raw) if entrance.base else whole_raw,
            scope["query_string"].decode("latin-1"),
            incoming.onward(
                peer=scope["client"][0],
                scheme=scope["scheme"],
                http_version=scope["http_version"],
                request_id=request_id,
                trust_peer=self._trust_peer,
            ),
            body,
            route.private,
            request_id,
            admitted.consumer,
            admitted.caller,
        )
        waiting = self._disconnects.enter(receive)
        try:
            if route.cache is None:
                answer = await route.integration.answer(flow, arrival, parameters)
            else:
                integration = route.integration
                answer = await route.cache.answer(plane, arrival, lambda: integration.answer(flow, arrival, parameters))
        finally:
            self._disconnects.leave(waiting)
        fields = answered(answer, request_id.encode(), head=head)
        if incoming.limits:
            fields = [field for field in fields if field[0] not in LIMITS] + incoming.limits
        if entrance.origins is not None:
            fields = entrance.origins.on(incoming.raw, fields)
        return Reply(answer.status, fields, answer.body)

    def _enter(self, table: RouteTable, host: str, path: str, incoming: Incoming) -> Entrance:
        entrance = table.entrances.find(host, path)
        if entrance is None:
            raise NotFound("No stage has this host and path.")
        incoming.origins = entrance.origins
        if entrance.max_header is not None and (size := size_of(incoming.raw)) > entrance.max_header:
            limit = entrance.max_header
            raise HeadersTooLarge(f"The header fields take {size} bytes; at most {limit} are taken.", limit=limit)
        return entrance

    @staticmethod
    def _inbound(scope: Message, incoming: Incoming, route: Route, path: str, body: bytes | None) -> Inbound:
        method: str = scope["method"]
        return Inbound(
            method=method,
            counted_as="GET" if method == "HEAD" and route.head_as_get else method,
            path=path,
            raw_path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=incoming.raw,
            peer=scope["client"][0],
            sources=incoming.sources,
            body_bytes=int(incoming.length or 0) if body is None else len(body),
        )

    def _preflight(self, entrance: Entrance, path: str, incoming: Incoming, request_id: str) -> Reply:
        offered = entrance.matcher.methods(path)
        if not offered or entrance.origins is None:
            raise NotFound("No route leads here.")
        return entrance.origins.preflight(incoming.raw, offered, request_id.encode())

    def _unmatched(self, entrance: Entrance, method: str, path: str, request_id: str, incoming: Incoming) -> Reply:
        offered = entrance.matcher.methods(path)
        if not offered:
            raise NotFound("No route leads here.")
        allow: Fields = [(b"allow", ", ".join(sorted(offered | {"OPTIONS"})).encode())]
        if method == "OPTIONS":
            return Reply(204, [*allow, (b"x-request-id", request_id.encode())])
        refusal = MethodNotAllowed(f"{method} is not possible here.")
        return self._problem(refusal, request_id, incoming.raw, allow, entrance.origins)

    def _problem(
        self,
        error: Exception,
        request_id: str,
        headers: RawHeaders,
        more: Fields | None = None,
        origins: Origins | None = None,
    ) -> Reply:
        """Any error as problem+json; what nobody foresaw is logged under the request's id and told as little more."""
        if not isinstance(error, Problem):
            log.error("request_failed", request_id=request_id, exc_info=error)
            error = Problem("Something went wrong on our side; the log knows more under this request_id.")
        fields = list(more or ())
        if isinstance(error, NotAdmitted):
            fields += error.fields
        reply = problem_reply(error, request_id, fields)
        if origins is not None:
            reply.headers = origins.on(headers, reply.headers)
        elif first(headers, b"origin") is not None:
            reply.headers = reply.headers + self._builtins.allow_origin(headers)
            reply.headers.append((b"access-control-expose-headers", READABLE))
        return reply
