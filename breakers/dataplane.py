"""Everything a process needs to guard calls, in one object: configuration, circuits, slots, cache, guard, admission.

Hosted alike by front doors, Celery workers ("runners") and control; only front doors let requests in. It keeps itself
true in the background: pushes arrive in milliseconds, and a read every second corrects whatever a push has missed.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from breakers.admission.door import Admission
from breakers.core.machine import Circuit, Move
from breakers.core.purges import Mark, Purges
from breakers.core.settings import Override, TargetSettings, parse_target
from breakers.delays import DelayDocs
from breakers.delays.verdicts import Waiting
from breakers.guard.addresses import AddressRule
from breakers.guard.cache import ResponseCache
from breakers.guard.call import Guard
from breakers.guard.circuits import Circuits, Guarded
from breakers.guard.errors import SecretUnreadable
from breakers.guard.flushing import Flusher
from breakers.guard.slots import ContractLimits, SlotLeases
from breakers.guard.transport import Wire, open_wire
from breakers.store.backlogs import BacklogStore
from breakers.store.cache import CacheStore
from breakers.store.circuits import CircuitStore, push_channel, read_circuit, read_push
from breakers.store.fleet import FleetStore, Kind, Worker
from breakers.store.slots import SlotStore
from controlplane.config.feed import ConfigFeed, Database, Snapshot
from controlplane.config.reading import newest
from controlplane.kernel import secrets
from controlplane.kernel.valkey import connect_async

RECONCILE_S = 1.0
TICK_S = 0.05
RETRY_S = 0.3

log = structlog.get_logger(__name__)


class DataPlane:
    def __init__(self, kind: Kind, *, name: str | None = None, database: Database = newest) -> None:
        host, pid = socket.gethostname(), os.getpid()
        prefix = settings.KEY_PREFIX
        self.id = name or f"{host}-{pid}"
        self.worker = Worker(self.id, kind, pid, host, version=0, at_ms=0, started_ms=time.time() * 1000)
        self.valkey = connect_async()
        self.store_ok = False
        self.frontdoors = 1  # that share the limits, as last seen
        self.backlogs: Mapping[str, Sequence[Waiting]] = {}  # by journey, as last seen
        self._clock_offset_ms = (time.time() - time.monotonic()) * 1000
        self._listeners: list[Callable[[], None]] = []
        self.circuit_store = CircuitStore(self.valkey, prefix)
        self.circuits = Circuits(self.id, self.now_ms, lambda _: self._changed(), lambda: self.flusher.stir())
        self.flusher = Flusher(self.circuits, self.circuit_store)
        self.slots = SlotLeases(SlotStore(self.valkey, prefix), self.id)
        self.cache = ResponseCache(CacheStore(self.valkey, prefix))
        self.fleet = FleetStore(self.valkey, prefix)
        self.backlog_store = BacklogStore(self.valkey, prefix)
        self.config = ConfigFeed(self.valkey, database, settings.LAST_GOOD)
        self.guard = Guard(self)
        self.delays = DelayDocs(self)
        self._addresses = AddressRule(settings.ALLOW_PRIVATE_ADDRESSES, settings.ALLOW_LINK_LOCAL)
        self._wires: dict[str, tuple[TargetSettings, Wire]] = {}
        self._parsed: dict[str, tuple[str, TargetSettings]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # Life -------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Ready to guard calls on return: with the best configuration in reach, and circuits if the store answers."""
        self.config.subscribe(self._configure)
        if self._admits:
            self.config.subscribe(self.admission.configure)
        await self.config.start()
        await self._reconcile()
        loops = (
            self.flusher.run(),
            self.slots.run(),
            self.config.run(),
            self._listen(),
            self._every(RECONCILE_S, self._reconcile),
            self._every(TICK_S, self._tick),
            self._every(RECONCILE_S, self._report),
            self._every(RECONCILE_S, self._see_backlogs),
        )
        for loop in loops:
            self.spawn(loop)
        if self._admits:
            self.admission.start()

    async def close(self) -> None:
        """Deliver what is pending, leave the fleet, close every connection."""
        self.delays.close()
        # asyncio.wait_for, under which redis-py sends, may swallow a cancellation (until Python 3.12): ask again.
        for _ in range(25):
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=0.2)
        try:
            if self._admits:
                await self.admission.close()
            await self.flusher.flush()
            await self.cache.flush()
            await self.slots.close()
            await self.fleet.leave(self.id)
        except (RedisError, OSError) as error:
            log.warning("left_without_goodbye", error=str(error))
        await asyncio.gather(*(wire.close() for _, wire in self._wires.values()))
        await self.config.close()
        await self.valkey.aclose()

    @cached_property
    def admission(self) -> Admission:
        """The inbound door; made when it is first asked for, since only front doors have one."""
        return Admission(self, self._addresses, settings.KEY_PREFIX)

    @property
    def _admits(self) -> bool:
        return self.worker.kind == "frontdoor"

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` for as long as this object lives."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background_task_failed", task=task.get_coro().__qualname__, exc_info=error)  # type: ignore[union-attr]

    # What the guard asks ----------------------------------------------------------------------------------------------

    def now_ms(self) -> float:
        """The store's time, as far as this process knows it; goes on when the store is away."""
        return time.monotonic() * 1000 + self._clock_offset_ms

    def wire(self, guarded: Guarded) -> Wire:
        """The one connection pool to this target; replaced when its address or handling changed."""
        known = self._wires.get(guarded.slug)
        if known is not None and known[0] is guarded.settings:
            return known[1]
        try:
            limit, reveal = settings.MAX_BODY_BYTES, secrets.reveal
            wire = open_wire(guarded.settings, max_body=limit, addresses=self._addresses, reveal=reveal)
        except secrets.Unreadable:
            raise SecretUnreadable(
                guarded.slug, "SECRETS_KEY lacks the key of its password", retry_after_s=60
            ) from None
        self._wires[guarded.slug] = (guarded.settings, wire)
        if known is not None:
            self.spawn(known[1].close())
        return wire

    async def move(self, guarded: Guarded, move: Move) -> Circuit:
        """Attempt a move and return the circuit as it then is, whoever moved it. Raises RedisError or OSError."""
        moved = await self.circuit_store.move(guarded.slug, move)
        read_at = None
        if moved is None:  # another process was first: its push is on the way, but the caller needs to know now
            read_at = time.monotonic()
            _, circuits = await self.circuit_store.read([guarded.slug])
            moved = circuits[guarded.slug]
        self.circuits.learn(guarded.slug, moved, read_at=read_at)
        return moved

    def on_change(self, callback: Callable[[], None]) -> None:
        """`callback` runs on the loop after any change of a circuit, an override or the configuration."""
        self._listeners.append(callback)

    def _changed(self) -> None:
        for callback in self._listeners:
            callback()

    # Configuration ----------------------------------------------------------------------------------------------------

    def _configure(self, snapshot: Snapshot) -> None:
        targets = [self._parse(slug, piece.digest, piece.body) for slug, piece in snapshot.of("target").items()]
        overrides = {slug: msgspec.convert(piece.body, Override) for slug, piece in snapshot.of("override").items()}
        for gone in self.circuits.configure(targets, overrides):
            self._parsed.pop(gone.slug, None)
            if known := self._wires.pop(gone.slug, None):
                self.spawn(known[1].close())
        marks = [mark for piece in snapshot.of("purge").values() for mark in piece.body["marks"]]
        self.cache.heed(Purges(msgspec.convert(marks, list[Mark])))
        self.slots.configure({limits.id: limits for target in targets for limits in _limits(target)})
        self._changed()
        if self.worker.version != snapshot.version:
            self.worker.version = snapshot.version
            self.spawn(self._report())

    def _parse(self, slug: str, digest: str, body: dict[str, Any]) -> TargetSettings:
        """An unchanged piece keeps its object, so that nothing made from it is made again."""
        known = self._parsed.get(slug)
        if known is None or known[0] != digest:
            known = self._parsed[slug] = digest, parse_target(body | {"slug": slug})
        return known[1]

    # Keeping true -----------------------------------------------------------------------------------------------------

    async def _every(self, period_s: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(period_s)
            await work()

    async def _tick(self) -> None:
        self.circuits.lapse()
        await self.cache.flush()

    async def _reconcile(self) -> None:
        began = time.monotonic()
        try:
            server_ms, circuits = await self.circuit_store.read(list(self.circuits))
        except (RedisError, OSError) as error:
            self._store_away(str(error))
            return
        self._clock_offset_ms = server_ms - (began + time.monotonic()) / 2 * 1000
        self._store_back()
        for slug, circuit in circuits.items():
            self.circuits.learn(slug, circuit, read_at=began)

    async def _report(self) -> None:
        self.worker.at_ms = self.now_ms()
        try:
            if self._admits:
                self.worker.inexact = self.admission.inexact()
                self.frontdoors = max(1, await self.fleet.report_and_count(self.worker))
            else:
                await self.fleet.report(self.worker)
        except (RedisError, OSError):
            return  # a worker that can't report is shown as missing, which is the truth

    async def _see_backlogs(self) -> None:
        """What waits in the pipes, for the delay flag. What nobody has reported lately ends at a time unknown."""
        if not self.config.snapshot.of("pipe"):
            self.backlogs = {}
            return
        try:
            found = await self.backlog_store.read()
        except (RedisError, OSError):
            return
        now_ms, seen = self.now_ms(), dict[str, list[Waiting]]()
        for slug, backlog in found.items():
            if not backlog.fresh(now_ms):
                backlog = msgspec.structs.replace(backlog, eta_s=None)
            seen.setdefault(backlog.journey or slug, []).append(backlog)
        self.backlogs = seen

    async def _listen(self) -> None:
        """Pushes of circuits, streaks, slots and configuration; a broken line is mended and then all is read afresh."""
        while True:
            pubsub = self.valkey.pubsub(ignore_subscribe_messages=True)
            try:
                await pubsub.subscribe(push_channel(settings.KEY_PREFIX))
                await self._reconcile()
                await self.config.refresh()
                while True:
                    message = await pubsub.get_message(timeout=5.0)
                    if message is not None:
                        self._heard(read_push(message["data"]))
            except (RedisError, OSError) as error:
                self._store_away(str(error))
                await asyncio.sleep(RETRY_S)
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _heard(self, message: dict[str, Any]) -> None:
        match message["k"]:
            case "state":
                self.circuits.learn(message["t"], read_circuit(message["c"]))
            case "streak":
                self.circuits.streak(message["t"], message["n"])
            case "slots":
                self.slots.nudge(message["ids"])
            case "tokens" if self._admits:
                self.admission.tokens.nudge(message["ids"])
            case "config":
                self.config.nudge()

    def _store_away(self, error: str) -> None:
        if self.store_ok:
            self.store_ok = False
            log.warning("store_away", error=error)
            self._changed()

    def _store_back(self) -> None:
        if not self.store_ok:
            self.store_ok = True
            log.info("store_back")
            self._changed()


def _limits(target: TargetSettings) -> list[ContractLimits]:
    return [
        ContractLimits(
            id=contract.id,
            limit=contract.limit,
            period_s=contract.period_s,
            timeout_s=target.timeout_ms / 1000,
            created_at_ms=contract.created_at_ms,
            on_store_error=target.on_store_error,
        )
        for contract in target.contracts
    ]
