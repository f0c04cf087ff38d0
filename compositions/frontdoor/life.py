"""The life of the front door's process: opens what it serves with, tries again until that works, and closes it."""

import asyncio
import gc
from collections.abc import Callable
from typing import Protocol

import structlog

from breakers.admission.door import Admission
from breakers.delays import DelayDocs
from breakers.guard.cache import ResponseCache
from controlplane.config.feed import ConfigFeed, Snapshot

from .answers import Receive, Send
from .integrations import Guard

READY_WITHIN_S = 1.0
START_AGAIN_S = 1.0
CLOSE_WITHIN_S = 5.0
# Requests under way together hold more objects than the collector's 700; it would run, find nothing, and take 7 % of
# the CPU. Only objects that refer to each other in a circle wait for it.
COLLECT = (10_000, 20, 100)

log = structlog.get_logger("switchgear.frontdoor")


class Plane(Protocol):
    """What the front door needs of the process that hosts it: breakers.dataplane.DataPlane, or less."""

    cache: ResponseCache
    store_ok: bool

    @property
    def config(self) -> ConfigFeed: ...
    @property
    def guard(self) -> Guard: ...
    @property
    def delays(self) -> DelayDocs: ...
    @property
    def admission(self) -> Admission: ...
    def now_ms(self) -> float: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...


class Life:
    """`plane` is None until the data plane has started. `swap` hears of every version of the configuration."""

    def __init__(self, open_plane: Callable[[], Plane], swap: Callable[[Snapshot], None]) -> None:
        self._open_plane, self._swap = open_plane, swap
        self.plane: Plane | None = None

    async def live(self, receive: Receive, send: Send) -> None:
        """Start at once, ready or not: until the configuration is there, requests are told when to come back."""
        opening: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                opening = asyncio.get_running_loop().create_task(self._open())
                await asyncio.wait((opening,), timeout=READY_WITHIN_S)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if opening is not None:
                    opening.cancel()
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _open(self) -> None:
        while True:
            plane = self._open_plane()
            plane.config.subscribe(self._swap)
            try:
                await plane.start()
            except Exception:
                log.exception("data_plane_not_started")
                await asyncio.sleep(START_AGAIN_S)
                continue
            self.plane = plane
            gc.collect()
            gc.freeze()  # what is loaded now stays: the collector need not look at it again on the request path
            gc.set_threshold(*COLLECT)
            return

    async def _close(self) -> None:
        plane, self.plane = self.plane, None
        if plane is not None:
            try:
                await asyncio.wait_for(plane.close(), CLOSE_WITHIN_S)
            except Exception:
                log.exception("data_plane_not_closed")
