"""What the stories of admission share: a counting downstream behind routes, plans and keys, and load on many lines."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.servers.downstream import Downstream
from tests.servers.stack import Answer, Stack

# How long a client waits; what it has not heard by then may still arrive.
PATIENCE_S = 3.0
WORKER = 16  # characters of X-Request-ID by which answers of one worker are known


class Key(NamedTuple):
    id: str
    secret: str

    @property
    def header(self) -> dict[str, str]:
        return {"X-API-Key": self.secret}


class Estate:
    """Nouns of one story, made over REST. Its target is called like the story, and is the downstream of the test."""

    def __init__(self, stack: Stack, downstream: Downstream, slug: str) -> None:
        self.stack, self.downstream, self.slug = stack, downstream, slug
        self.put(f"targets/{slug}", {"base_url": downstream.url, "cache": {"write_through": False}})

    def put(self, path: str, document: dict[str, Any]) -> Any:
        answer = self.stack.api("PUT", path, document)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    def route(self, slug: str, path: str, *methods: str, **more: Any) -> None:
        integration = {"type": "target", "target": self.slug}
        self.put(f"routes/{slug}", {"path": path, "methods": methods or ["GET"], "integration": integration} | more)

    def plan(self, slug: str, **document: Any) -> None:
        self.put(f"usage-plans/{slug}", document)

    def key(self, consumer: str, *plans: str, **more: Any) -> Key:
        """A new key; its consumer is made when there is none."""
        self.put(f"consumers/{consumer}", {})
        made = self.post(f"consumers/{consumer}/keys", {"plans": plans} | more)
        return Key(made["id"], made["key"])

    def post(self, path: str, document: dict[str, Any]) -> Any:
        answer = self.stack.api("POST", path, document)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    def ready(self) -> "Estate":
        """Wait until every worker has all of it."""
        count = int(self.stack.env["FRONTDOOR_WORKERS"])

        def applied() -> bool:
            workers = self.stack.api("GET", "config").json()["workers"]
            return bool(workers["applied"] == workers["total"] >= count)

        eventually(applied, "all workers have the configuration", within_s=30)
        return self

    def ask(self, path: str, key: Key | None = None, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {} if method in ("POST", "PUT") else None
        return self.stack.call(method, path, body, named | (key.header if key else {}))


def eventually(condition: Callable[[], Any], what: str, within_s: float = 10.0) -> Any:
    """The first truth that `condition` tells; the stack is asked again and again for it."""
    began = time.monotonic()
    while not (told := condition()):
        assert time.monotonic() - began < within_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.05)
    return told


async def until(condition: Callable[[], Any], what: str, within_s: float = 20.0) -> None:
    """`eventually`, while the streams of this loop flow."""
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.05)


def wait_for_workers(stack: Stack) -> None:
    """Until as many workers as were asked for run, report themselves, and none of those that were killed is counted."""
    count = int(stack.env["FRONTDOOR_WORKERS"])

    def all_report() -> bool:
        workers = stack.api("GET", "config").json()["workers"]
        settled = workers["applied"] == workers["total"] == count
        return bool(settled and len(stack.workers_of("frontdoor")) == count)

    eventually(all_report, "all workers are back", within_s=40)


def kind(answer: "Answer | Request") -> str:
    """The last part of a problem's type."""
    return str(answer.json()["type"]).rpartition("/")[2]


@dataclass
class Request:
    """One request of the load. `status` is 0 where the line broke before an answer; times are time.monotonic()."""

    number: int
    method: str
    path: str
    key: Key | None
    sent: float
    ended: float = 0.0
    status: int = 0
    worker: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


class Traffic:
    """Load on a stack's front door: each `stream` is a line of its own, asks again and again, and notes all."""

    def __init__(self, stack: Stack) -> None:
        self.at = urlsplit(stack.frontdoor)
        self.requests: list[Request] = []
        self.over = False

    async def during(self, streams: Iterable[Coroutine[Any, Any, None]], story: Coroutine[Any, Any, Any]) -> None:
        """All streams flow for as long as the story lasts."""
        flowing = [asyncio.create_task(stream) for stream in streams]
        try:
            await story
        finally:
            self.over = True
            await asyncio.gather(*flowing)
            self.over = False

    async def stream(
        self, method: str, path: str, key: Key | None = None, *, every_s: float = 0.04, per_line: int = 15
    ) -> None:
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        asked = 0
        while not self.over:
            next_at = time.monotonic() + every_s
            try:
                async with asyncio.timeout(PATIENCE_S):
                    if line is None:
                        line = await asyncio.open_connection(self.at.hostname, self.at.port)
                    await self._ask(line, method, path, key)
                asked += 1
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                asked = per_line
            if asked >= per_line and line is not None:  # a new line may lead to another worker
                line[1].close()
                line, asked = None, 0
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))
        if line is not None:
            line[1].close()

    async def _ask(
        self, line: tuple[asyncio.StreamReader, asyncio.StreamWriter], method: str, path: str, key: Key | None
    ) -> None:
        reader, writer = line
        number = len(self.requests)
        fields = f"Host: {self.at.netloc}\r\nX-Number: {number}\r\nContent-Length: 0\r\n"
        if key is not None:
            fields += f"X-API-Key: {key.secret}\r\n"
        request = Request(number, method, path, key, time.monotonic())
        self.requests.append(request)
        # No two ask for the same, so that no answer can stand in for another.
        writer.write(f"{method} {path}?n={number} HTTP/1.1\r\n{fields}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = (each.partition(":") for each in head[1:] if each)
        request.headers = {name.lower(): value.strip() for name, _, value in named}
        request.body = await reader.readexactly(int(request.headers.get("content-length", 0)))
        request.worker = request.headers.get("x-request-id", "")[:WORKER]
        request.status, request.ended = int(head[0].split()[1]), time.monotonic()

    def admitted(self, downstream: Downstream) -> dict[int, tuple[float, float]]:
        """(sent, arrived) of each request that reached the downstream, by its number; each must arrive once."""
        arrived: dict[int, float] = {}
        for received in list(downstream.requests):
            if (number := received.headers.get("x-number")) is not None:
                assert int(number) not in arrived, "one admission was used for two calls"
                arrived[int(number)] = received.at
        return {number: (self.requests[number].sent, at) for number, at in arrived.items()}

    def workers(self, since: float = 0.0) -> set[str]:
        """Those that have answered a request sent after `since`."""
        return {request.worker for request in self.requests if request.sent > since and request.worker}
