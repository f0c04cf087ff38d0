"""A downstream whose behaviour a test scripts, path by path, down to the bytes on the wire.

    downstream.behave("/articles", status=500)
    downstream.behave("/articles", delay_s=0.3, times=2)      # the next two calls; then the rule before it again
    downstream.behave("/articles", hang=True)
    downstream.requests[-1].headers["accept"]

Plain sockets and a thread for each connection: a library would refuse to misbehave.
"""

from __future__ import annotations

import json as jsonlib
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Behaviour:
    """How one path answers. Faults are exclusive; `times` limits the rule to that many calls."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hang: bool = False  # reads the request, never answers
    reset: bool = False  # closes with RST after reading the request
    half_close: bool = False  # sends half of the body that it announced, then closes
    malformed: bool = False  # answers with something that is not HTTP
    huge: int = 0  # sends a body of that many bytes, without a Content-Length
    chunked: bool = False
    drip_s: float = 0.0  # pause between the bytes of the body
    close: bool = False  # closes the connection after the answer without saying so
    times: int | None = None


@dataclass(frozen=True)
class Received:
    """One request as it arrived. `at` is time.monotonic() when its last byte was read."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw_bytes: int
    at: float

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class Downstream:
    """An HTTP/1.1 server on a free port of loopback. Unscripted paths answer 200 with `{}`."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.rules: dict[str, list[Behaviour]] = {}
        self.lock = threading.Lock()
        self.open: set[socket.socket] = set()
        self.listener: socket.socket | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def behave(self, path: str = "*", *, json: Any = None, **behaviour: Any) -> None:
        """The path answers like this from now on; "*" is every path without a rule. The newest rule counts."""
        rule = Behaviour(**behaviour)
        if json is not None:
            rule.body = jsonlib.dumps(json).encode()
            rule.headers = {"Content-Type": "application/json", **rule.headers}
        with self.lock:
            if rule.times is None:
                self.rules[path] = []
            self.rules.setdefault(path, []).append(rule)

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.behave(path, status=status, headers={"Location": to}, body=b"")

    def reset(self) -> None:
        """Forgets rules and requests, and listens again if it had stopped."""
        with self.lock:
            self.rules.clear()
            self.requests.clear()
            self.connections = 0
        if self.listener is None:
            self.start()

    def count(self, path: str) -> int:
        return sum(request.path == path for request in list(self.requests))

    def start(self) -> None:
        """Listens; after a stop on the same port again."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()

    def stop(self) -> None:
        """Refuses connections from now on, and drops those that are open."""
        listener, self.listener = self.listener, None
        if listener is not None:
            # Closing alone would leave the thread in accept(), and the port open with it.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            held = list(self.open)
        for connection in held:
            _close(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.add(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        try:
            while (request := _read(reader)) is not None:
                with self.lock:
                    self.requests.append(request)
                if not self._answer(connection, request, self._rule(request.path)):
                    break
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            reader.close()
            _close(connection)

    def _rule(self, path: str) -> Behaviour:
        with self.lock:
            for rules in (self.rules.get(path), self.rules.get("*")):
                if not rules:
                    continue
                rule = rules[-1]
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        rules.pop()
                return rule
        return Behaviour(headers={"Content-Type": "application/json"})

    def _answer(self, connection: socket.socket, request: Received, rule: Behaviour) -> bool:
        """Answers as the rule says; False when the connection is not to be used again."""
        if rule.delay_s:
            time.sleep(rule.delay_s)
        if rule.hang:
            while connection.recv(4096):  # until the caller gives up
                pass
            return False
        if rule.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if rule.malformed:
            connection.sendall(b"I AM NOT HTTP\r\n\r\n")
            return False
        headers = {"Server": "downstream", **rule.headers}
        body = b"" if request.method == "HEAD" or rule.status in (204, 304) else rule.body
        if rule.huge:
            connection.sendall(_head(rule.status, {**headers, "Connection": "close"}))
            block = b"x" * 65536
            for start in range(0, rule.huge, len(block)):
                connection.sendall(block[: rule.huge - start])
            return False
        if rule.chunked:
            connection.sendall(_head(rule.status, {**headers, "Transfer-Encoding": "chunked"}))
            for start in range(0, len(body), 1024):
                piece = body[start : start + 1024]
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.sendall(b"0\r\n\r\n")
            return not rule.close
        if rule.status not in (204, 304):
            headers["Content-Length"] = str(len(rule.body))
        if rule.half_close:
            body = body[: len(body) // 2]
        connection.sendall(_head(rule.status, headers))
        if rule.drip_s:
            for byte in body:
                connection.sendall(bytes([byte]))
                time.sleep(rule.drip_s)
        else:
            connection.sendall(body)
        return not (rule.half_close or rule.close)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _read(reader: Any) -> Received | None:
    start = reader.readline()
    if not start.strip():
        return None
    method, target, _ = start.decode("latin-1").split(" ", 2)
    size = len(start)
    headers: dict[str, str] = {}
    while (line := reader.readline()) not in (b"\r\n", b"\n", b""):
        size += len(line)
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body = b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while (length := int(reader.readline().split(b";")[0], 16)) > 0:
            body += reader.read(length)
            reader.readline()
        reader.readline()
    elif length := int(headers.get("content-length", 0)):
        body = reader.read(length)
    return Received(method, target, headers, body, size + len(body), time.monotonic())


def _close(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
