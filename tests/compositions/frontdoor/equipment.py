"""A real front door in a granian process, a downstream that repeats what it heard, a client that sends any bytes."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import redis

from controlplane.config import keys
from controlplane.config.pieces import Piece

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, within_s: float = 10.0):
    """The first true value of `condition()`; its last error or value when the time is up."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            if value := condition():
                return value
        except (OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Answer:
    def __init__(self, status: int, fields: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.fields, self.body = status, fields, body
        self.headers = dict(fields)

    def json(self):
        return json.loads(self.body)


def talk(port: int, raw: bytes, *, head: bool = False, timeout_s: float = 10) -> Answer:
    """Send bytes as they are and read one answer; the connection is closed afterwards."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as wire:
        with contextlib.suppress(OSError):  # a refusal may come, and the connection close, before all is sent
            wire.sendall(raw)
        return hear(wire.makefile("rb"), head=head)


def hear(stream, *, head: bool = False) -> Answer:
    while True:
        status = int(stream.readline().split(b" ")[1])
        fields = []
        while line := stream.readline().rstrip(b"\r\n"):
            name, _, value = line.partition(b":")
            fields.append((name.decode().lower(), value.strip().decode("latin-1")))
        if status != 100:
            break
    length = dict(fields).get("content-length")
    body = b"" if head or status in (204, 304) else stream.read(int(length)) if length else stream.read()
    return Answer(status, fields, body)


def ask(port: int, target: str, method: str = "GET", *fields: tuple[str, str], body: bytes = b"") -> Answer:
    lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    raw = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
    return talk(port, raw, head=method == "HEAD")


class Downstream:
    """Answers with what it was asked, or as the first word of the path says; notices when a caller hangs up."""

    def __init__(self) -> None:
        self.port = free_port()
        self.asked: list[dict] = []
        self.hung_up = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        opened = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self._server = asyncio.run_coroutine_threadsafe(opened, self._loop).result(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *rest = head.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = line.split(" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (field.partition(":") for field in rest)]
        body = await reader.readexactly(int(dict(fields).get("content-length", 0)))
        heard = {"method": method, "target": target, "fields": fields, "body": body.decode("latin-1")}
        self.asked.append(heard)
        status, more, answer = "200 OK", "", json.dumps(heard).encode()
        if target.startswith("/hang"):
            await reader.read(1)
            self.hung_up += 1
            raise ConnectionError
        if target.startswith("/fail"):
            status = "500 Internal Server Error"
        elif target.startswith("/cookies"):
            more = "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
        elif target.startswith("/empty"):
            status, answer = "204 No Content", b""
        length = "" if status.startswith("204") else f"Content-Length: {len(answer)}\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{length}{more}\r\n".encode("latin-1"))
        writer.write(b"" if method == "HEAD" else answer)
        await writer.drain()


def target(slug: str, port: int, **blocks) -> Piece:
    body = {"slug": slug, "base_url": f"http://127.0.0.1:{port}", "timeout_ms": 3000, **blocks}
    return Piece("target", slug, body).sealed()


def route(slug: str, path: str, to: str, *methods: str, at: str | None = None, priority: int = 100) -> Piece:
    integration = {"type": "target", "target": to} | ({"path": at} if at else {})
    body = {"methods": list(methods) or ["GET"], "path": path, "priority": priority, "enabled": True}
    return Piece("route", slug, body | {"integration": integration, "cache": {}, "title": ""}).sealed()


def journey(slug: str, *targets: str, **messages: str) -> Piece:
    body = {"title": slug.title(), "targets": list(targets), "severity": "warning", "messages": messages}
    return Piece("journey", slug, body).sealed()


def publish(redis_url: str, version: int, pieces: list[Piece]) -> None:
    """Put a configuration version into Valkey and announce it, as a commit does."""
    with redis.Redis.from_url(redis_url) as valkey:
        for piece in pieces:
            text = json.dumps({"kind": piece.kind, "slug": piece.slug, "body": piece.body})
            valkey.hset(keys.pieces(), piece.digest, text)
        valkey.set(keys.manifest(version), json.dumps({piece.key: piece.digest for piece in pieces}))
        valkey.set(keys.head(), version)
        valkey.publish(keys.push(), json.dumps({"k": "config", "n": version}))


class Door:
    """A granian process of the real application; without a database it starts from the last-good file."""

    def __init__(
        self, data_dir: Path, pieces: list[Piece] | None, *, redis_url: str, workers: int = 1, **variables
    ) -> None:
        self.port = free_port()
        if pieces is not None:
            last_good = {"version": 1, "pieces": pieces}
            (data_dir / "last-good.json").write_bytes(msgspec.json.encode(last_good))
        self.log = data_dir / "frontdoor.log"
        environment = os.environ | variables
        environment |= {"DATA_DIR": str(data_dir), "REDIS_URL": redis_url, "PLAIN_HTTP": "1", "LOG_JSON": "1"}
        environment["DATABASE_URL"] = f"sqlite:///{data_dir / 'none.sqlite3'}"
        environment["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
        options = ["--interface", "asgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", str(workers)]
        options += ["--no-ws", "--loop", "uvloop", "--workers-kill-timeout", "2"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "granian", *options, "compositions.frontdoor.app:app"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: self.ask("/-/healthz").status == 200, within_s=30)

    def ask(self, target: str, method: str = "GET", *fields: tuple[str, str], body: bytes = b"") -> Answer:
        return ask(self.port, target, method, *fields, body=body)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
