"""The delay flag as server-sent events, for pages that would rather hear of it than ask.

    GET /-/delay-events?journey=subscribing&lang=de
    event: delay
    id: "…"            the document's ETag; a browser that comes back with it in Last-Event-ID hears only of news
    data: {…}          the document of /-/processing-delay

A stream costs a connection and nothing else while the flag rests. One process keeps as many as MOST; whoever comes
then is told to poll.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs

from breakers.delays import DelayDocs
from breakers.delays.conditional import matches
from controlplane.kernel.errors import MethodNotAllowed, Problem, Unavailable

from .answers import Fields, Message, Receive, Send, own_id, problem_reply, send_reply
from .builtins import Builtins, not_loaded
from .headers import RawHeaders, first
from .life import Plane

PATH = b"/-/delay-events"
MOST = 2000
# Proxies close a connection on which nothing is said for a minute.
ALIVE_S = 20.0
COME_BACK_MS = 5000


class Streams:
    def __init__(self, plane: Callable[[], Plane | None], builtins: Builtins, *, most: int = MOST) -> None:
        self._plane, self._builtins, self._most = plane, builtins, most
        self._open = 0

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        headers: RawHeaders = scope["headers"]
        if scope["method"] == "OPTIONS":
            await send_reply(send, self._builtins.preflight(headers))
            return
        journey, language = _asked(scope["query_string"])
        try:
            if scope["method"] != "GET":
                raise MethodNotAllowed(f"{scope['method']} is not possible here.")
            plane = self._plane()
            if plane is None:
                raise not_loaded()
            plane.delays.find(journey=journey, language=language)
            if self._open >= self._most:
                raise Unavailable("Too many pages listen already; ask /-/processing-delay instead.", retry_after_s=60)
        except Problem as problem:
            reply = problem_reply(problem, own_id(first(headers, b"x-request-id") or ""))
            reply.headers = reply.headers + self._builtins.allow_origin(headers)
            await send_reply(send, reply)
            return
        fields: Fields = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            *self._builtins.allow_origin(headers),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        self._open += 1
        try:
            seen = (first(headers, b"last-event-id") or "").encode("latin-1")
            await _tell(plane.delays, journey, language, seen, receive, send)
        finally:
            self._open -= 1


async def _tell(
    delays: DelayDocs, journey: str | None, language: str | None, seen: bytes, receive: Receive, send: Send
) -> None:
    news = asyncio.Event()
    stop = delays.listen(news.set)
    gone = asyncio.ensure_future(_hang_up(receive))
    gone.add_done_callback(lambda _: news.set())
    chunk = b"retry: %d\n\n" % COME_BACK_MS
    try:
        while not gone.done():
            news.clear()
            try:
                document, _ = delays.find(journey=journey, language=language)
            except Problem:  # the journey was deleted
                break
            if not (seen and matches(seen, document.etag)):
                seen = document.etag
                chunk += b"event: delay\nid: %s\ndata: %s\n\n" % (seen, document.body)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = b""
            try:
                await asyncio.wait_for(news.wait(), ALIVE_S)
            except TimeoutError:
                chunk = b": still here\n\n"
        if not gone.done():
            await send({"type": "http.response.body", "body": b""})
    finally:
        stop()
        gone.cancel()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _asked(query: bytes) -> tuple[str | None, str | None]:
    options = parse_qs(query.decode("latin-1"))
    return options.get("journey", [None])[0], options.get("lang", [None])[0]
