"""What the product is compared with, and the downstream of all: small applications for granian that import no Django.

Where they listen and what they call comes from the environment: BENCH_BACKEND (host:port), BENCH_CONSTANT (JSON).
"""

import asyncio
import gc
import json
import os
from typing import Any

import aiohttp
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.messages import Request
from breakers.guard.transport import Wire, open_wire

BACKEND = os.environ.get("BENCH_BACKEND", "127.0.0.1:1")
BODY = msgspec.json.encode({"id": 1, "title": "Tides of the outer planets", "words": ["moon"] * 20})


class Backend:
    """Answers everything with the same small JSON document."""

    fields = [("content-type", "application/json")]

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        protocol.response_bytes(200, self.fields, BODY)


class Unguarded:
    """A pass-through with the front door's server and the front door's client, and nothing between them."""

    wire: Wire

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        answer = await self.wire.send(Request(scope["method"], scope["path"]), timeout_s=2)
        fields = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        target = TargetSettings("backend", f"http://{BACKEND}", max_concurrency=1000)
        self.wire = open_wire(target, max_body=1 << 20, addresses=AddressRule(True, False))
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 100)  # as the front door does
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


class Constant:
    """Answers with bytes that are known beforehand: for each path a status, fields and a body."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.messages = {
            path: (
                {"type": "http.response.start", "status": status, "headers": [(n.encode(), v.encode()) for n, v in f]},
                {"type": "http.response.body", "body": body.encode()},
            )
            for path, (status, f, body) in answers.items()
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        start, body = self.messages[scope["path"]]
        await send(start)
        await send(body)


async def _fan_out(request: StarletteRequest) -> JSONResponse:
    session: aiohttp.ClientSession | None = getattr(request.app.state, "session", None)
    if session is None:
        session = request.app.state.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def fetch() -> Any:
        async with session.get(f"http://{BACKEND}/article") as answer:
            return await answer.json()

    one, two, three = await asyncio.gather(fetch(), fetch(), fetch())
    return JSONResponse({"one": one, "two": two, "three": three})


backend, unguarded = Backend(), Unguarded()
constant = Constant(json.loads(os.environ.get("BENCH_CONSTANT", "{}")))
bare_fan_out = Starlette(routes=[Route("/fan-out", _fan_out)])
