"""A small HTTP/1.1 listener on asyncio that can also do what a broken server does: go silent, or go away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

logger = logging.getLogger("practice_range")

MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
# Longer than a client's pool keeps an idle connection, so that closing one never looks like a fault of the service.
IDLE_S = 120


@dataclass(frozen=True)
class Request:
    """One request as received; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def comes_from_elsewhere(self) -> bool:
        """True when a page of another site sent it, on behalf of whoever visits that page. curl sends no Origin."""
        origin = self.headers.get("origin")
        return origin is not None and origin.rpartition("://")[2] != self.headers.get("host")


@dataclass(frozen=True)
class Answer:
    """One response; Content-Length, Date and Connection are added on the way out."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Answer]]


class Silence(Exception):
    """Raised by a handler that never answers: the connection stays open until `until` or until the client leaves."""

    def __init__(self, until: asyncio.Event) -> None:
        super().__init__()
        self.until = until


class Unreadable(Exception):
    """The bytes received are not a request that this listener accepts."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def json_answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(document, ensure_ascii=False).encode() + b"\n"
    return Answer(status, body, headers=headers or {})


def problem(status: int, detail: str, problems: list[dict[str, str]] | None = None, **headers: str) -> Answer:
    """An RFC 9457 answer; keyword names become headers (retry_after -> Retry-After)."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if problems:
        document["problems"] = problems
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Answer(status, json.dumps(document, ensure_ascii=False).encode() + b"\n", "application/problem+json", named)


class Listener:
    """One port. `open` accepts connections; `close` gives the port up and drops every connection at once."""

    def __init__(self, host: str, port: int, handler: Handler) -> None:
        self.host, self.port = host, port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._converse, self.host, self.port, limit=MAX_HEAD_BYTES, backlog=512
            )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_connections()

    def drop_connections(self) -> None:
        for writer in tuple(self._connections):
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another on one connection until either side ends it."""
        self._connections.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # The client left, or stayed silent for too long; there is nobody to tell.
        except asyncio.CancelledError:
            pass  # The server closes. This is the task's end; asyncio's streams would log the cancellation as an error.
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            request, keep_alive = await _read_request(reader, writer)
        except Unreadable as error:
            await _write(writer, problem(error.status, str(error)), head_only=False, keep_alive=False)
            return False
        try:
            answer = await self._handler(request)
        except Silence as silence:
            await _stay_silent(reader, silence.until)
            writer.transport.abort()
            return False
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            answer, keep_alive = problem(500, "The practice range itself failed; its log has the details."), False
        await _write(writer, answer, head_only=request.method == "HEAD", keep_alive=keep_alive)
        return keep_alive


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Request, bool]:
    async with asyncio.timeout(IDLE_S):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise Unreadable(431, f"The request head is larger than {MAX_HEAD_BYTES} bytes.") from error
        lines = head.decode("latin-1").split("\r\n")
        method, target, version = _request_line(lines[0])
        headers = _headers(lines[1:-2])
        if "100-continue" in headers.get("expect", "").lower():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _read_body(reader, headers)
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise Unreadable(400, "The request target is not a path.") from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection if version == "HTTP/1.1" else "keep-alive" in connection
    return Request(method, unquote(parts.path) or "/", query, headers, body), keep_alive


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[1].startswith(("/", "http://", "https://", "*")):
        raise Unreadable(400, "The request line is not of the form: GET /path HTTP/1.1")
    if parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Unreadable(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    return parts[0].upper(), parts[1], parts[2]


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Unreadable(400, "A header line is not of the form: Name: value")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Unreadable(400, "Send either Content-Length or Transfer-Encoding: chunked, and not both.")
        return await _read_chunks(reader)
    if length is None:
        return b""
    if not (length.isascii() and length.isdecimal()):
        raise Unreadable(400, "Content-Length is not a number.")
    if len(length) > 12 or int(length) > MAX_BODY_BYTES:
        raise Unreadable(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        try:
            size_line = await reader.readuntil(b"\r\n")
            size = int(size_line.split(b";")[0].strip(), 16)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise Unreadable(400, "A chunk size is not a hexadecimal number.") from error
        if size < 0 or len(body) + size > MAX_BODY_BYTES:
            raise Unreadable(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        if size == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass  # Trailers carry nothing that the range needs.
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)


async def _write(writer: asyncio.StreamWriter, answer: Answer, *, head_only: bool, keep_alive: bool) -> None:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", f"Date: {formatdate(usegmt=True)}"]
    if answer.status not in (204, 304):
        lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    writer.write(head if head_only or answer.status in (204, 304) else head + answer.body)
    await writer.drain()


async def _stay_silent(reader: asyncio.StreamReader, until: asyncio.Event) -> None:
    """Wait for the end of the silence or for the client to hang up, so that a hung client leaves nothing behind."""
    waiters = {asyncio.create_task(until.wait()), asyncio.create_task(reader.read(1))}
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()
        for waiter in waiters:
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await waiter
