"""The life of the front door's process: opens what it serves with, tries again until that works, and closes it."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from breakers.admission.door import Admission
from breakers.delays import DelayDocs
from breakers.guard import outside
from compositions.engine import flow as flows
from compositions.engine.flow import Flow
from compositions.intake.desk import desk
from controlplane.config.feed import Snapshot

from .answers import Receive, Send

READY_WITHIN_S = 1.0
START_AGAIN_S = 1.0
CLOSE_WITHIN_S = 5.0
# Requests under way together hold more objects than the collector's 700; it would run, find nothing, and take 7 % of
# the CPU. Only objects that refer to each other in a circle wait for it.
COLLECT = (10_000, 20, 100)

log = structlog.get_logger("switchgear.frontdoor")


class Plane(flows.Plane, outside.Plane, Protocol):
    """What the front door needs of the process that hosts it: breakers.dataplane.DataPlane, or less."""

    @property
    def delays(self) -> DelayDocs: ...
    @property
    def admission(self) -> Admission: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...


class Beside(Protocol):
    """Lives as long as the plane and the flow do, and is closed before them."""

    def start(self) -> None: ...
    async def close(self) -> None: ...


OpenBeside = Callable[[Any, Flow], Beside]  # it knows which plane is opened


class Life:
    """`plane` and `flow` are None until both have started. `swap` hears of every version of the configuration."""

    def __init__(
        self, open_plane: Callable[[], Plane], swap: Callable[[Snapshot], None], open_beside: OpenBeside | None = None
    ) -> None:
        self._open_plane, self._swap, self._open_beside = open_plane, swap, open_beside
        self._beside: Beside | None = None
        self.plane: Plane | None = None
        self.flow: Flow | None = None

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
            flow = Flow(plane)
            plane.config.subscribe(self._swap)
            try:
                await plane.start()
                await flow.start()
            except Exception:
                log.exception("data_plane_not_started")
                await asyncio.sleep(START_AGAIN_S)
                continue
            if self._open_beside is not None:
                self._beside = self._open_beside(plane, flow)
                self._beside.start()
            self.plane, self.flow = plane, flow
            gc.collect()
            gc.freeze()  # what is loaded now stays: the collector need not look at it again on the request path
            gc.set_threshold(*COLLECT)
            return

    async def _close(self) -> None:
        plane, flow = self.plane, self.flow
        self.plane = self.flow = None
        if plane is not None and flow is not None:
            try:
                if self._beside is not None:
                    await asyncio.wait_for(self._beside.close(), CLOSE_WITHIN_S)
                await asyncio.wait_for(flow.close(), CLOSE_WITHIN_S)
                await asyncio.to_thread(desk().close)  # what is being committed is, before its requests are let go
                await asyncio.wait_for(plane.close(), CLOSE_WITHIN_S)
            except Exception:
                log.exception("data_plane_not_closed")
