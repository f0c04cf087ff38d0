"""A small front door for tests: one page behind a challenge rule, and the challenge's own addresses."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from breakers.admission.challenges import Challenges, WebReply
from breakers.admission.screening import Screen
from breakers.core.statements import Traits
from controlplane.kernel.errors import Problem
from tests.breakers.admission.rules import rule

WELCOME = b"<!doctype html><title>Welcome</title><h1>Welcome in</h1>"


class Front:
    """Speaks just enough HTTP for a browser; `seen` holds the method and path of every request."""

    def __init__(self) -> None:
        now_ms = lambda: time.time() * 1000  # noqa: E731
        self.challenges = Challenges(None, "sg", now_ms=now_ms)
        self.screen = Screen(now_ms=now_ms, passes=self.challenges.passes)
        self.challenges.on_solved = self.screen.solved
        self.screen.configure([rule("prove", {"path": {"starts": "/shop"}}, action="challenge")])
        self.seen: list[str] = []
        self.address = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = [
                (name.strip().lower().encode(), value.strip().encode())
                for line in lines
                if line
                for name, _, value in [line.partition(":")]
            ]
            body = await reader.readexactly(int(dict(headers).get(b"content-length", b"0")))
            self.seen.append(f"{method} {target}")
            try:
                reply = await self._answer(method, target, headers, body)
            except Problem as problem:
                reply = WebReply(problem.status, [(b"content-type", b"application/problem+json")], b"{}")
            fields = [*reply.headers, (b"content-length", b"%d" % len(reply.body)), (b"connection", b"close")]
            lines_out = b"".join(b"%s: %s\r\n" % field for field in fields)
            writer.write(b"HTTP/1.1 %d X\r\n%s\r\n%s" % (reply.status, lines_out, reply.body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes) -> WebReply:
        path, _, query = target.partition("?")
        if self.challenges.owns(path):
            return await self.challenges.answer(
                method, path, query, headers, body, client_of=lambda stage: "127.0.0.1", secure=False
            )
        client = "127.0.0.1"
        traits = Traits(method=method, path=path, headers=headers, peer=client, client=client, stage="main")
        verdict = self.screen.check(traits)
        if verdict.action == "challenge":
            return self.challenges.page(stage="main", rule=verdict.rule, return_to=target)
        return WebReply(200, [(b"content-type", b"text/html")], WELCOME)

    async def _run(self, stop: asyncio.Event, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        async with server:
            await stop.wait()


@contextmanager
def serving() -> Iterator[Front]:
    """A front on a thread of its own."""
    front, ready = Front(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(front._run(stop, ready),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
