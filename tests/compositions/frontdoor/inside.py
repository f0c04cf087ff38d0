"""The front door's application inside the test's own process and loop, on a real store, database and downstream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from django.conf import settings

from breakers.dataplane import DataPlane
from compositions.frontdoor.door import FrontDoor
from controlplane.config.feed import Database
from controlplane.config.reading import newest


class Heard:
    def __init__(self, messages: list[dict]) -> None:
        self.status: int = messages[0]["status"]
        self.fields = [(name.decode(), value.decode("latin-1")) for name, value in messages[0]["headers"]]
        self.headers = dict(self.fields)
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    def json(self):
        return json.loads(self.body)

    @property
    def kind(self) -> tuple[int, str]:
        return self.status, self.json()["type"].removeprefix("/problems/")


class Inside:
    def __init__(self, app: FrontDoor, plane: DataPlane) -> None:
        self.app, self.plane = app, plane

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *fields: tuple[str, str],
        peer: str = "127.0.0.1",
        body: bytes = b"",
        hangs_up: asyncio.Event | None = None,
    ) -> Heard | None:
        """The answer; None if the client hung up, as it does when `hangs_up` is set, and nobody was answered."""
        raw, _, query = path.partition("?")
        if body and not any(name.lower() == "content-length" for name, _ in fields):
            fields = (*fields, ("Content-Length", str(len(body))))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", b"shop.example"),
                *((name.lower().encode(), value.encode()) for name, value in fields),
            ],
            "client": (peer, 50_000),
        }
        sent: list[dict] = []
        coming = [{"type": "http.request", "body": body, "more_body": False}] if body else []

        async def receive() -> dict:
            if coming:
                return coming.pop()
            await (hangs_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return Heard(sent) if sent else None


@asynccontextmanager
async def inside(
    name: str = "inside", *, trust_peer: bool = False, database: Database = newest
) -> AsyncIterator[Inside]:
    planes: list[DataPlane] = []

    def open_plane() -> DataPlane:
        planes.append(DataPlane("frontdoor", name=name, database=database))
        return planes[-1]

    banner = Path(settings.BASE_DIR) / "static" / "delay-banner.js"
    app = FrontDoor(open_plane, max_body=100_000, origins=["*"], banner=banner, trust_peer=trust_peer)
    said: asyncio.Queue[dict] = asyncio.Queue()
    heard: asyncio.Queue[dict] = asyncio.Queue()
    living = asyncio.ensure_future(app({"type": "lifespan"}, said.get, heard.put))
    await said.put({"type": "lifespan.startup"})
    await heard.get()
    for _ in range(2000):
        if app.plane is not None:
            break
        await asyncio.sleep(0.01)
    yield Inside(app, planes[-1])
    await said.put({"type": "lifespan.shutdown"})
    await heard.get()
    await living
