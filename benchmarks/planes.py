"""Applications for granian that host a real DataPlane: a fan-out, and the front door with its guard taken out."""

import asyncio
import gc
from typing import Any

import django
import msgspec

django.setup()

from django.conf import settings  # noqa: E402

from breakers.dataplane import DataPlane  # noqa: E402
from breakers.guard.call import Holder  # noqa: E402
from breakers.guard.messages import Answer, Request  # noqa: E402
from compositions.frontdoor.door import FrontDoor  # noqa: E402


class FanOut:
    """Three targets through the guard; their bodies are spliced into one document."""

    fields = [(b"content-type", b"application/json")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        call, request = self.plane.guard.call, Request("GET", "/article")
        one, two, three = await asyncio.gather(call("one", request), call("two", request), call("three", request))
        body = {"one": msgspec.Raw(one.body), "two": msgspec.Raw(two.body), "three": msgspec.Raw(three.body)}
        await send({"type": "http.response.start", "status": 200, "headers": self.fields})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        self.plane = DataPlane("frontdoor")
        await self.plane.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 100)  # as the front door does
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.plane.close()
        await send({"type": "lifespan.shutdown.complete"})


class _NoGuard:
    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane

    async def call(
        self, slug: str, request: Request, *, deadline: float | None = None, holder: Holder | None = None
    ) -> Answer:
        guarded = self.plane.circuits[slug]
        answer = await self.plane.wire(guarded).send(request, timeout_s=2)
        return Answer(answer.status, answer.headers, answer.body)


class Unguarded(DataPlane):
    """Everything of a DataPlane but its guard."""

    def __init__(self) -> None:
        super().__init__("frontdoor")
        self.guard = _NoGuard(self)


fan_out = FanOut()
front_door_without_guard = FrontDoor(
    Unguarded,
    max_body=settings.MAX_BODY_BYTES,
    origins=settings.CORS_ALLOWED_ORIGINS,
    banner=settings.BASE_DIR / "static" / "delay-banner.js",
)
