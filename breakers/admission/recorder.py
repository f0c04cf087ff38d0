"""What became of requests at the inbound door: counted in memory, sent to the store each second.

Every request is recorded with exactly one outcome; breakers/core/admitting.py lists them.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable

import structlog

from breakers.store.slots import STORE_ERRORS
from breakers.store.usage import Batch, Series, UsageStore

FLUSH_S = 1.0
# Series by second that wait while the store is away; above it the oldest are forgotten, and said to be.
MOST_WAITING = 100_000
USED_EVERY_S = 10

log = structlog.get_logger(__name__)


class UsageRecorder:
    """Recording is a dictionary increment or two: no clock read, no lock, no I/O. `run` must be running."""

    def __init__(self, store: UsageStore, holder: str, now_s: Callable[[], float]) -> None:
        self.forgotten = 0
        self._store, self._now_s = store, now_s
        # A process may come back under an old name, and its batches begin anew at 1.
        self._sender = f"{holder}.{secrets.token_hex(4)}"
        self._second = 0
        self._counts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._seconds: dict[int, defaultdict[tuple[str, str, str], int]] = {}
        self._places: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._rules: dict[int, defaultdict[tuple[str, str], int]] = {}
        self._used: dict[str, float] = {}
        self._used_sent_s = 0.0
        self._batch = Batch(0)
        self._away = False

    def record(self, consumer: str, plan: str, outcome: str, now_s: float, stage: str = "", route: str = "") -> None:
        """One request ended with `outcome`; slugs, or "" for none. `now_s` is seconds since the epoch."""
        if now_s // 1 != self._second:
            self._turn(int(now_s))
        self._counts[consumer, plan, outcome] += 1
        if route:
            self._places[stage, route, outcome] += 1

    def record_rule(self, rule: str, outcome: str, now_s: float) -> None:
        """A rule matched; `outcome` is what was done: counted, allowed, challenged, passed, blocked."""
        minute = int(now_s // 60)
        try:
            self._rules[minute][rule, outcome] += 1
        except KeyError:
            self._rules[minute] = defaultdict(int, {(rule, outcome): 1})

    def used(self, key_id: str, now_s: float) -> None:
        """A request carried this valid key."""
        self._used[key_id] = now_s

    def _turn(self, second: int) -> None:
        """Go on with another second; one that comes back, because clocks are set, goes on where it was."""
        self._second = second
        try:
            self._counts = self._seconds[second]
        except KeyError:
            self._counts = self._seconds[second] = defaultdict(int)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        """Send what was counted. A batch that may not have arrived is sent again as it is, and counts once."""
        if self._batch.empty:
            self._take()
        if self._batch.empty:
            return
        try:
            await self._store.add(self._sender, self._batch, self._now_s())
        except STORE_ERRORS as error:
            if not self._away:
                log.warning("usage_waits", error=str(error))
            self._away = True
            self._forget()
            return
        self._away = False
        self._batch = Batch(self._batch.number)

    async def close(self) -> None:
        """Send what is left: the batch that failed before, and what was counted since."""
        self._used_sent_s = 0.0
        for _ in range(2):
            await self.flush()

    def _take(self) -> None:
        seconds, self._seconds, self._second = self._seconds, {}, 0
        self._counts = defaultdict(int)
        places, self._places = self._places, defaultdict(int)
        rules, self._rules = self._rules, {}
        used: dict[str, float] = {}
        now_s = self._now_s()
        if not 0 <= now_s - self._used_sent_s < USED_EVERY_S:
            used, self._used, self._used_sent_s = self._used, {}, now_s
        self._batch = Batch(
            self._batch.number + 1,
            {second: {Series(*series): n for series, n in counts.items()} for second, counts in seconds.items()},
            dict(places),
            {minute: dict(counts) for minute, counts in rules.items()},
            {key: int(at) for key, at in used.items()},
        )

    def _forget(self) -> None:
        waiting = sum(map(len, self._seconds.values()))
        for second in sorted(self._seconds)[:-1]:
            if waiting <= MOST_WAITING:
                return
            dropped = self._seconds.pop(second)
            waiting -= len(dropped)
            self.forgotten += sum(dropped.values())
            log.error("usage_forgotten", second=second, requests=sum(dropped.values()))
