"""A data plane on a thread of its own, as a Celery worker hosts it, for tests whose own code is synchronous."""

import asyncio
import threading

from breakers.core.machine import Move
from breakers.core.states import State
from tests.breakers.conftest import Fleet


class Runner:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.fleet = Fleet()
        self.plane = self.run(self.fleet.join("runner-1"))

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=10)

    def turn(self, *states: State, slug: str = "payment") -> None:
        guarded = self.plane.circuits[slug]
        for to in states:
            outage = to is not State.CLOSED
            move = Move(guarded.circuit.epoch, to, "tested", wait_ms=60_000 * outage, openings=1, outage=outage)
            self.run(self.plane.move(guarded, move))
            assert guarded.circuit.state is to

    def close(self) -> None:
        self.run(self.plane.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
