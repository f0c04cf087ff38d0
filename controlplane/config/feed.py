"""Each process's frozen copy of the configuration, kept fresh from Valkey, the database or the last-good file.

The order of trust: the database is the truth, Valkey is its quick copy, the file is what is left when both are away.
A snapshot is never changed; a newer one takes its place in one assignment.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import redis.asyncio
import structlog
from django.db import connections

from controlplane.config import keys
from controlplane.config.pieces import Manifest, Piece
from controlplane.kernel.valkey import Away

log = structlog.get_logger("switchgear.config")

Fetch = Callable[[list[str]], dict[str, Piece]]
Database = Callable[[], tuple[int, Manifest, Fetch]]

VALKEY_EVERY_S = 1.0
DATABASE_EVERY_S = 5.0
DATABASE_ALONE_EVERY_S = 0.5
COALESCE_S = 0.05
LEAVE_S = 0.5


class Snapshot(msgspec.Struct, frozen=True):
    """One version, whole."""

    version: int = 0
    pieces: dict[tuple[str, str], Piece] = {}

    def of(self, kind: str) -> dict[str, Piece]:
        """The pieces of one kind, by slug."""
        return {slug: piece for (found, slug), piece in self.pieces.items() if found == kind}

    def manifest(self) -> Manifest:
        return {piece.key: piece.digest for piece in self.pieces.values()}


class ConfigFeed:
    """Follows the configuration. `database` is called in a thread of its own and may raise what it likes."""

    def __init__(self, valkey: redis.asyncio.Redis, database: Database, last_good: Path) -> None:
        self.snapshot = Snapshot()
        self.source = "none"  # "valkey", "database" or "file": where the snapshot came from
        self.valkey_ok = False
        self.database_ok = False
        self._valkey = valkey
        self._database = database
        self._last_good = last_good
        self._subscribers: list[Callable[[Snapshot], None]] = []
        self._turn = asyncio.Lock()
        self._keeping: asyncio.Future[None] | None = None
        self._nudged = asyncio.Event()
        # One thread, so that one database connection is held, and readings come in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="config-feed")

    def subscribe(self, callback: Callable[[Snapshot], None]) -> None:
        """Call `callback` with each new snapshot, on the loop, before anybody else can see a request."""
        self._subscribers.append(callback)

    def nudge(self) -> None:
        """An announcement came in: look soon. Announcements within 50 ms of each other cost one look."""
        self._nudged.set()

    async def start(self) -> None:
        """The first snapshot: from the database or Valkey, else from the last-good file."""
        await self.refresh(database=True)
        if self.source == "none":
            await self._load_last_good()

    async def run(self) -> None:
        """Poll until cancelled; see the module's docstring and the intervals above."""
        database_at = time.monotonic()
        while True:
            wait = VALKEY_EVERY_S if self.valkey_ok else DATABASE_ALONE_EVERY_S
            try:
                await asyncio.wait_for(self._nudged.wait(), wait)
                await asyncio.sleep(COALESCE_S)
            except TimeoutError:
                pass
            self._nudged.clear()
            due = time.monotonic() - database_at >= DATABASE_EVERY_S
            if due:
                database_at = time.monotonic()
            await self.refresh(database=due)

    async def refresh(self, *, database: bool = False) -> Snapshot:
        """Look now. Valkey first; the database when asked to, or when Valkey is away or lacks something."""
        async with self._turn:
            found = await self._from_valkey()
            if found is not None and found.version > self.snapshot.version:
                self._swap(found, "valkey")
            if database or found is None:
                truth = await self._from_database()
                if truth is not None and (self.source == "none" or truth != self.snapshot):
                    self._swap(truth, "database")
                elif truth is not None:
                    self.source = "database" if self.source == "file" else self.source
            return self.snapshot

    async def close(self) -> None:
        if self._keeping is not None:
            await self._keeping
        try:
            closing = asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        except RuntimeError:  # it was closed before
            return
        await asyncio.wait([closing], timeout=LEAVE_S)  # a reading that hangs keeps its connection
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _from_valkey(self) -> Snapshot | None:
        """Valkey's version; the present snapshot when that is as new; None when Valkey is away or incomplete."""
        try:
            head = await self._valkey.get(keys.head())
            self.valkey_ok = True
            if head is None:
                return None
            number = int(head)
            if number <= self.snapshot.version:
                return self.snapshot
            text = await self._valkey.get(keys.manifest(number))
            if text is None:
                return None
            manifest: Manifest = json.loads(text)
            fetched: dict[str, Piece] = {}
            if wanted := self._wanted(manifest):
                bodies = await self._valkey.hmget(keys.pieces(), wanted)
                for digest, body in zip(wanted, bodies, strict=True):
                    if body is None:
                        return None
                    fetched[digest] = Piece(**json.loads(body)).sealed()
            return self._assemble(number, manifest, fetched)
        except Away:
            self.valkey_ok = False
            return None
        except (ValueError, TypeError) as damaged:
            log.error("config_copy_damaged", error=str(damaged))
            return None

    async def _from_database(self) -> Snapshot | None:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, self._read_database)
        except Exception as error:  # the reader belongs to another layer, and no fault of it may stop the feed
            if self.database_ok or self.source == "none":
                log.warning("config_database_away", error=str(error))
            self.database_ok = False
            return None
        self.database_ok = True
        return found

    def _read_database(self) -> Snapshot | None:
        number, manifest, fetch = self._database()
        if number == self.snapshot.version and manifest == self.snapshot.manifest():
            return self.snapshot
        return self._assemble(number, manifest, fetch(self._wanted(manifest)))

    def _wanted(self, manifest: Manifest) -> list[str]:
        held = {piece.digest for piece in self.snapshot.pieces.values()}
        return sorted(set(manifest.values()) - held)

    def _assemble(self, number: int, manifest: Manifest, fetched: dict[str, Piece]) -> Snapshot | None:
        """A whole snapshot, or None when a piece is missing or is not what its digest says."""
        by_digest = {piece.digest: piece for piece in self.snapshot.pieces.values()} | fetched
        pieces: dict[tuple[str, str], Piece] = {}
        for key, digest in manifest.items():
            piece = by_digest.get(digest)
            if piece is None or piece.key != key:
                log.error("config_piece_missing", version=number, piece=key)
                return None
            pieces[piece.kind, piece.slug] = piece
        return Snapshot(number, pieces)

    def _swap(self, snapshot: Snapshot, source: str) -> None:
        self.snapshot, self.source = snapshot, source
        for callback in self._subscribers:
            try:
                callback(snapshot)
            except Exception:  # one subscriber's fault must not keep the others on an old version
                log.exception("config_subscriber_failed", version=snapshot.version)
        if source != "file":
            self._keeping = asyncio.ensure_future(self._keep(snapshot, self._keeping))
        log.info("config_swapped", version=snapshot.version, source=source)

    async def _keep(self, snapshot: Snapshot, before: asyncio.Future[None] | None) -> None:
        """Write the last-good file beside the swap, in order; a slow disk must not hold the next version up."""
        if before is not None:
            await before
        if snapshot is self.snapshot:
            await asyncio.to_thread(self._keep_last_good, snapshot)

    def _keep_last_good(self, snapshot: Snapshot) -> None:
        document: dict[str, Any] = {"version": snapshot.version, "pieces": list(snapshot.pieces.values())}
        draft = self._last_good.with_name(f"{self._last_good.name}.{os.getpid()}.{id(self)}")
        try:
            self._last_good.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(document))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._last_good)
        except OSError as error:
            log.error("last_good_not_written", error=str(error))

    async def _load_last_good(self) -> None:
        try:
            document = msgspec.json.decode(await asyncio.to_thread(self._last_good.read_bytes))
            pieces = [Piece(**piece) for piece in document["pieces"]]
            if any(piece.sealed() != piece for piece in pieces):
                raise ValueError("a piece is not what its digest says")
            version = int(document["version"])
        except FileNotFoundError:
            log.warning("last_good_missing", path=str(self._last_good))
            return
        except (OSError, ValueError, TypeError, KeyError, msgspec.DecodeError) as damaged:
            log.error("last_good_unusable", error=str(damaged))
            return
        self._swap(Snapshot(version, {(piece.kind, piece.slug): piece for piece in pieces}), "file")
