"""Kept answers: a bounded local store in front of the shared one, written behind the request.

Fresh answers come from memory alone. The shared store is asked on a local miss, and for stale answers while no call may
be made. What may be kept at all is the rule of `privacy`.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from redis.exceptions import RedisError

from breakers.core.purges import Purges, tags_in
from breakers.core.settings import CacheSettings
from breakers.store.cache import CacheStore, Entry, Write

from .flights import Flights, Memory
from .messages import Answer, Headers, Request
from .privacy import cache_key, keepable, key_rule

__all__ = ["Entry", "ResponseCache"]

SAME_MS = 100  # the same body again within this time changes nothing that a reader could see
REWRITE_MS = 1000  # an unchanged answer is written to the store at most this often
ABSENT_S = 1.0  # how long a stale answer that the store did not have is not asked for again
MAX_QUEUED_BYTES = 16 << 20
MAX_BATCH_BYTES = 4 << 20
_OVERHEAD = 512  # bytes of an entry beside its body, roughly


class Keeping(Protocol):
    """Whose answers are kept, and how: a target, or anything else with a slug that no target can have."""

    @property
    def slug(self) -> str: ...
    @property
    def cache(self) -> CacheSettings: ...


class Answered(Protocol):
    """What a target answered: WireAnswer, or Answer."""

    status: int
    headers: Headers
    body: bytes


class _Kept(msgspec.Struct):
    entry: Entry
    written_ms: float
    size: int


class ResponseCache:
    """Times are the store's, in ms. `store` None keeps answers in this process only.

    At most `max_queued` writes wait for a store that is away; after a failure it is left alone for `retry_s`.
    `dropped` counts writes that were given up because too many waited, `failures` failed turns with the store.
    """

    def __init__(
        self,
        store: CacheStore | None,
        *,
        max_bytes: int = 64 << 20,
        max_entry: int = 1 << 20,
        max_queued: int = 2048,
        retry_s: float = 1.0,
    ) -> None:
        self._store = store
        self._max_bytes, self._max_entry, self._max_queued = max_bytes, max_entry, max_queued
        self._retry_s = retry_s
        self._local: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._queue: OrderedDict[str, tuple[Write, int]] = OrderedDict()
        self._queued_bytes = 0
        self._resting_until = 0.0
        self._flushing = False
        self._flights = Flights()
        self._purges = Purges()
        self._absent = Memory(ABSENT_S)
        self.dropped = 0
        self.failures = 0

    def key(self, target: Keeping, request: Request) -> str | None:
        """The same text for requests that may share an answer; None if this one's answer may not be kept."""
        return cache_key(key_rule(target.slug, target.cache.vary_headers), request)

    def fresh(self, target: Keeping, key: str, now_ms: float) -> Entry | None:
        """A local answer younger than `ttl_s`."""
        kept = self._local.get(key)
        if kept is None or now_ms - kept.entry.stored_at_ms >= target.cache.ttl_s * 1000:
            return None
        self._local.move_to_end(key)
        return kept.entry

    async def fetch(self, target: Keeping, key: str, now_ms: float, *, stale: bool, ask: bool = True) -> Entry | None:
        """An answer younger than `ttl_s`, if `stale` than `ttl_s + max_stale_s`: the local one, else the shared.

        Without `ask` only the local one, as when the store is known to be away and asking would only cost time.
        """
        limit_ms = _lifetime_ms(target) if stale else target.cache.ttl_s * 1000
        kept = self._local.get(key)
        if kept is not None and now_ms - kept.entry.stored_at_ms < limit_ms:
            self._local.move_to_end(key)
            return kept.entry
        if not ask or self._store is None or self._resting() or (stale and key in self._absent):
            return None
        try:
            entry = await self._store.read(target.slug, key)
        except (RedisError, OSError):
            self._rest()
            return None
        if entry is None or now_ms - entry.stored_at_ms >= limit_ms or self._purged(key, entry):
            if stale:
                self._absent.add(key)
            return None
        kept = self._local.get(key)  # a call may have ended while we asked
        if kept is None or kept.entry.stored_at_ms < entry.stored_at_ms:
            self._put(key, _Kept(entry, entry.stored_at_ms, _size(key, entry)))
        return entry

    def keep(
        self, target: Keeping, key: str, answer: Answered, now_ms: float, *, began_ms: float | None = None
    ) -> None:
        """Keep what may be kept: here at once, in the shared store with the next flush.

        `began_ms` is when the call began (default: now): what was purged since then is not kept.
        """
        if answer.status != 200 or not target.cache.write_through or len(answer.body) > self._max_entry:
            return
        before = self._local.get(key)
        if before is not None and self._says_the_same(before.entry, answer, now_ms):
            return
        headers = keepable(key_rule(target.slug, target.cache.vary_headers), answer.headers, len(answer.body))
        if headers is None:
            return
        began = int(now_ms if began_ms is None else began_ms)
        entry = Entry(200, headers, answer.body, int(now_ms), began, tags_in(headers))
        if self._purged(key, entry):
            self._flights.outdated(key)
            return
        self._flights.kept(key)
        if before is not None and now_ms - before.written_ms < REWRITE_MS and before.entry.body == answer.body:
            before.entry = entry
            self._local.move_to_end(key)
            return
        kept = _Kept(entry, now_ms, _size(key, entry))
        self._put(key, kept)
        if self._store is not None:
            self._enqueue(Write(target.slug, key, entry, int(_lifetime_ms(target))), kept.size)

    def _says_the_same(self, entry: Entry, answer: Answered, now_ms: float) -> bool:
        return not self._flights and now_ms - entry.stored_at_ms < SAME_MS and entry.body == answer.body

    async def once(self, key: str, fetch: Callable[[], Awaitable[Answer]]) -> Answer:
        """Let concurrent callers with the same key wait for one `fetch`; see Flights."""
        return await self._flights.once(key, fetch)

    async def flush(self) -> None:
        """Write what waits, in few round trips. What a store that is away could not take waits for a later turn."""
        if self._store is None or self._flushing or not self._queue or self._resting():
            return
        self._flushing = True
        try:
            while self._queue:
                batch = self._next_batch()
                try:
                    await self._store.write(batch)
                except (RedisError, OSError):
                    self._rest()
                    return
                for write in batch:
                    queued = self._queue.get(write.key)
                    if queued is not None and queued[0] is write:  # else it was replaced meanwhile, or dropped
                        self._unqueue(write.key)
        finally:
            self._flushing = False

    def heed(self, purges: Purges) -> None:
        """Go by these purges from now on, and drop what they are about: here and in what waits for the store."""
        self._purges = purges
        if not purges:
            return
        for key in [key for key, kept in self._local.items() if self._purged(key, kept.entry)]:
            self._bytes -= self._local.pop(key).size
        for key in [key for key, (write, _) in self._queue.items() if self._purged(key, write.entry)]:
            self._unqueue(key)

    def _purged(self, key: str, entry: Entry) -> bool:
        return bool(self._purges) and entry.began_ms <= self._purges.of(key, entry.tags)

    def _put(self, key: str, kept: _Kept) -> None:
        before = self._local.pop(key, None)
        if before is not None:
            self._bytes -= before.size
        self._local[key] = kept
        self._bytes += kept.size
        while self._bytes > self._max_bytes:
            self._bytes -= self._local.popitem(last=False)[1].size

    def _enqueue(self, write: Write, size: int) -> None:
        if write.key in self._queue:
            self._unqueue(write.key)
        self._queue[write.key] = write, size
        self._queued_bytes += size
        while len(self._queue) > self._max_queued or self._queued_bytes > MAX_QUEUED_BYTES:
            self._unqueue(next(iter(self._queue)))
            self.dropped += 1

    def _unqueue(self, key: str) -> None:
        self._queued_bytes -= self._queue.pop(key)[1]

    def _next_batch(self) -> list[Write]:
        batch: list[Write] = []
        total = 0
        for write, size in self._queue.values():
            total += size
            if batch and total > MAX_BATCH_BYTES:
                break
            batch.append(write)
        return batch

    def _resting(self) -> bool:
        return time.monotonic() < self._resting_until

    def _rest(self) -> None:
        self.failures += 1
        self._resting_until = time.monotonic() + self._retry_s


def _lifetime_ms(target: Keeping) -> float:
    return (target.cache.ttl_s + target.cache.max_stale_s) * 1000


def _size(key: str, entry: Entry) -> int:
    return len(key) + len(entry.body) + 64 * len(entry.headers) + _OVERHEAD
