"""A real practice range in a process of its own, and a stand-in for the front door that remembers what it was asked."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from compositions.practice_range.addresses import SLUGS, Addresses
from tests.servers.stack import quiet_ports

ROOT = Path(__file__).resolve().parents[3]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    port: int, method: str, path: str, body: str | bytes | None = None, timeout_s: float = 5, **headers: str
) -> Reply:
    """One request on a connection of its own; keyword names become headers (idempotency_key -> Idempotency-Key)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body.encode() if isinstance(body, str) else body, named)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read().decode())
    finally:
        connection.close()


class PracticeRange:
    """A running server process and where its parts are."""

    def __init__(self, frontdoor_url: str, *, traffic: bool = False) -> None:
        self.addresses = Addresses(port=quiet_ports(len(SLUGS) + 1), frontdoor_url=frontdoor_url)
        environment = os.environ | {
            "RANGE_PORT": str(self.addresses.port),
            "FRONTDOOR_URL": frontdoor_url,
            "RANGE_TRAFFIC": "1" if traffic else "0",
        }
        command = [sys.executable, "-m", "compositions.practice_range.server"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        self._await_start()

    def _await_start(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if ask(self.addresses.port, "GET", "/healthz").status == 200:
                    return
            except OSError:
                assert self.process.poll() is None, "the practice range ended while starting"
                time.sleep(0.02)
        raise AssertionError("the practice range did not start within 10 s")

    def control(self, method: str, path: str, body: str | None = None, **headers: str) -> Reply:
        return ask(self.addresses.port, method, path, body, **headers)

    def service(self, slug: str, method: str, path: str, body: str | bytes | None = None, **rest: Any) -> Reply:
        return ask(self.addresses.port_of(slug), method, path, body, **rest)

    def put(self, slug: str, **setting: Any) -> Reply:
        return self.control("PUT", f"/behaviours/{slug}", json.dumps(setting))

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=5)
        return self.process.returncode


class StandIn:
    """Answers for the front door: what a test put into `answers` by method and path, else 200 {}."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            # One request per connection, so that nothing goes on answering after `stop`.
            protocol_version = "HTTP/1.0"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.partition("?")[0]
                headers_in = {name.lower(): value for name, value in self.headers.items()}
                asked = {"method": self.command, "path": path, "target": self.path, "headers": headers_in}
                stand_in.asked.append(asked | {"body": body.decode()})
                status, document, headers = stand_in.answers.get(f"{self.command} {path}", (200, {}, {}))
                payload = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(payload)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = _answer

            def log_message(self, *ignored: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def on(self, call: str, status: int, document: dict[str, Any], **headers: str) -> None:
        self.answers[call] = (status, document, {name.replace("_", "-"): value for name, value in headers.items()})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
