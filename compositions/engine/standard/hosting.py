"""The engine as a process: the Celery worker of queue `sagas` carries durable executions from its start to its end,
and starts those of the pipes whose lease it holds.

It starts with the worker, not with its connection to the broker: executions are in the database, and go on while
Valkey is away.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog
from celery import signals

from breakers.hosting import hosted
from compositions.dispatching.dispatcher import Dispatcher
from compositions.hosting import hosted_flow

from .worker import Engine

QUEUE: Final = "sagas"
# Within what the supervisor grants to a child that is asked to end.
PATIENCE_S: Final = 3.0

log = structlog.get_logger(__name__)
_running: list[tuple[Engine, Dispatcher]] = []
_trying: dict[asyncio.AbstractEventLoop, asyncio.Task[Engine]] = {}


@signals.celeryd_after_setup.connect
def begin(instance: Any, **_: Any) -> None:
    if QUEUE not in instance.app.amqp.queues.consume_from:
        return
    _running.append(hosted_flow("saga").run(_started()))
    log.info("sagas_begin", worker=_running[0][0].id)


@signals.worker_shutdown.connect
def end(**_: Any) -> None:
    while _running:
        engine, dispatcher = _running.pop()
        hosted_flow("saga").run(dispatcher.close(), timeout_s=10)
        hosted_flow("saga").run(engine.close(PATIENCE_S), timeout_s=PATIENCE_S + 10)
        hosted("saga").run(hosted("saga").plane.close(), timeout_s=10)
        log.info("sagas_end", worker=engine.id)


async def _started() -> tuple[Engine, Dispatcher]:
    flow, plane = hosted_flow("saga").flow, hosted("saga").plane
    engine, dispatcher = Engine(flow, plane), Dispatcher(flow, plane)
    await engine.start()
    dispatcher.start()
    return engine, dispatcher


async def engine_for_trials() -> Engine:
    """The engine of an operations worker, which carries only what it is given to try. Call it on the plane's loop."""
    loop = asyncio.get_running_loop()
    if loop not in _trying:
        _trying[loop] = loop.create_task(_started_for_trials())
    return await asyncio.shield(_trying[loop])


async def _started_for_trials() -> Engine:
    # Made in a thread, for making it waits for this very loop.
    flow = (await asyncio.to_thread(hosted_flow, "runner")).flow
    engine = Engine(flow, hosted("runner").plane)
    await engine.start(polls=False)
    return engine
