"""The engine as a process: the Celery worker of queue `sagas` carries durable executions from its start to its end,
and starts those of the pipes whose lease it holds.

It starts with the worker, not with its connection to the broker: executions are in the database, and go on while
Valkey is away.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from celery import signals
from django.db import DatabaseError, InterfaceError

from breakers.hosting import hosted
from compositions.dispatching.dispatcher import Dispatcher
from compositions.hosting import hosted_flow

from .worker import Engine

if TYPE_CHECKING:
    from breakers.dataplane import DataPlane
    from compositions.engine.flow import Flow

QUEUE: Final = "sagas"
# Within what the supervisor grants to a child that is asked to end.
PATIENCE_S: Final = 3.0
# How soon to sign in again while the database is away.
AGAIN_S: Final = 1.0

log = structlog.get_logger(__name__)
_running: list[Carrying] = []
_trying: dict[asyncio.AbstractEventLoop, asyncio.Task[Engine]] = {}


@signals.celeryd_after_setup.connect
def begin(instance: Any, **_: Any) -> None:
    if QUEUE not in instance.app.amqp.queues.consume_from:
        return
    _running.append(hosted_flow("saga").run(_carrying()))


@signals.worker_shutdown.connect
def end(**_: Any) -> None:
    while _running:
        carrying = _running.pop()
        hosted_flow("saga").run(carrying.close(), timeout_s=PATIENCE_S + 20)
        hosted("saga").run(hosted("saga").plane.close(), timeout_s=10)
        log.info("sagas_end", worker=carrying.engine.id)


class Carrying:
    """Engine and dispatcher of this process, which begin as soon as the database answers."""

    def __init__(self, flow: Flow, plane: DataPlane) -> None:
        self.engine, self.dispatcher = Engine(flow, plane), Dispatcher(flow, plane)
        self.begun = asyncio.get_running_loop().create_task(self._begin())

    async def _begin(self) -> None:
        while True:
            try:
                await self.engine.start()
                break
            except (DatabaseError, InterfaceError) as error:
                log.warning("sagas_await_database", error=str(error).strip())
                await asyncio.sleep(AGAIN_S)
        self.dispatcher.start()
        log.info("sagas_begin", worker=self.engine.id)

    async def close(self) -> None:
        self.begun.cancel()
        await asyncio.gather(self.begun, return_exceptions=True)
        await self.dispatcher.close()
        await self.engine.close(PATIENCE_S)


async def _carrying() -> Carrying:
    return Carrying(hosted_flow("saga").flow, hosted("saga").plane)


async def engine_for_trials() -> Engine:
    """The engine of an operations worker, which carries only what it is given to try. Call it on the plane's loop."""
    loop = asyncio.get_running_loop()
    begun = _trying.get(loop)
    if begun is None or (begun.done() and (begun.cancelled() or begun.exception() is not None)):
        _trying[loop] = loop.create_task(_started_for_trials())
    return await asyncio.shield(_trying[loop])


async def _started_for_trials() -> Engine:
    # Made in a thread, for making it waits for this very loop.
    flow = (await asyncio.to_thread(hosted_flow, "runner")).flow
    engine = Engine(flow, hosted("runner").plane)
    await engine.start(polls=False)
    return engine
