"""The site's only way to its own downstreams: through the front door, as any consumer would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

CONNECT_TIMEOUT_S = 2
TIMEOUT_S = 8
MAX_AT_ONCE = 64  # calls beyond wait for a thread; what waits for a slow service must not hold up the rest

_KEPT_HEADERS = ("X-Cache", "Age", "Retry-After", "Location", "Idempotent-Replayed")


class FrontDoorAway(Exception):
    """Nothing answers at the front door's address."""


@dataclass(frozen=True)
class Reply:
    """What the front door said. `status` 0 stands for an answer that broke off or took too long."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    took_ms: int = 0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300 and isinstance(self.document, dict)

    def seconds(self, header: str) -> int | None:
        """A header that counts seconds (Age, Retry-After), or None when it is missing or a date."""
        value = self.headers.get(header, "")
        return int(value) if value.isascii() and value.isdecimal() else None


class FrontDoor:
    """Asks in threads of its own, one connection for each call."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._threads: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, "frontdoor-client")
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        assert self._threads is not None, "the front door client is used inside `async with`"
        started = time.monotonic()
        sent = {"User-Agent": "parallax-site/1", **(headers or {})}
        target = f"{path}?{urlencode(query)}" if query else path
        content: bytes | None = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        call = _Call(self.url)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, kept, said = await asyncio.get_running_loop().run_in_executor(
                    self._threads, call.make, method, target, content, sent
                )
        except (OSError, HTTPException):  # a timeout is an OSError
            return Reply(0, None, took_ms=_ms_since(started))
        finally:
            call.abandon()
        try:
            document = json.loads(said)
        except ValueError:
            document = None
        return Reply(status, document, kept, _ms_since(started))


class _Call:
    """One request in a thread. Whoever waits for it can leave, and the thread is free at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = connection(parts.hostname or "", parts.port, timeout=CONNECT_TIMEOUT_S)
        self._socket: socket.socket | None = None
        self._abandoned = False

    def make(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(self._connection) as connection:
            try:
                connection.connect()
            except OSError as error:
                raise FrontDoorAway(str(error)) from error
            # Kept here as well: the connection forgets its socket when the answer is to be its last.
            self._socket = connection.sock
            if self._abandoned:
                raise ConnectionAbortedError("nobody waits for the answer")
            self._socket.settimeout(TIMEOUT_S)
            connection.request(method, target, body, headers)
            with connection.getresponse() as response:
                kept = {name: value for name in _KEPT_HEADERS if (value := response.getheader(name)) is not None}
                return response.status, kept, response.read()

    def abandon(self) -> None:
        self._abandoned = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                self._socket.shutdown(socket.SHUT_RDWR)


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
