"""What one process has to tell about one circuit: outcomes in order, and counts by second; in memory until flushed."""

import json
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from breakers.core import counts
from breakers.core.settings import TargetSettings
from breakers.store.circuits import FAILURES_KEPT, Flush

# Outcomes that could not be delivered for longer than this say nothing about now, and their order is lost anyway.
CODES_KEPT = 20_000
SECONDS_KEPT = 120
ALL_SLOW = 0b11110


class Recorder:
    """Appends are plain list operations: no clock read beyond the caller's, no lock, no I/O."""

    def __init__(self, slug: str, worker: str, stirred: Callable[[], None]) -> None:
        self.slug, self.worker, self._stirred = slug, worker, stirred
        self.epoch = 0
        self.codes = bytearray()
        self.retry_after_ms = 0
        self._seconds: dict[int, list[int]] = {}
        self._failures: list[str] = []

    @property
    def dirty(self) -> bool:
        return bool(self._seconds)

    def _second(self, now: float) -> list[int]:
        second = int(now)
        try:
            return self._seconds[second]
        except KeyError:
            row = self._seconds[second] = counts.empty()
            self._stirred()  # at least with the first record after each flush
            return row

    def count(self, field: int, now: float) -> None:
        """Count something that is not an outcome: a refusal, an ignored answer, an answer from cache."""
        self._second(now)[field] += 1

    def success(self, latency_ms: float, epoch: int, now: float) -> None:
        """`outcome` for nearly every call: it passed, and no policy asks how long it took."""
        try:
            row = self._seconds[int(now)]
        except KeyError:
            row = self._second(now)
        row[counts.CALLS] += 1
        row[counts.HISTOGRAM + bisect_left(counts.BOUNDS_MS, latency_ms)] += 1
        if epoch == self.epoch and len(self.codes) < CODES_KEPT:
            self.codes.append(64)

    def outcome(
        self, *, failed: bool, latency_ms: float, marks: Sequence[int], timed_out: bool, epoch: int | None, now: float
    ) -> None:
        """Count a call; `epoch` is the one it began in, or None when the circuit was not counting then."""
        row = self._second(now)
        row[counts.CALLS] += 1
        row[counts.bucket(latency_ms)] += 1
        bits = 1 if failed else 0
        if failed:
            row[counts.FAILURES] += 1
        if marks:
            if timed_out:
                bits |= ALL_SLOW
            else:
                for index, mark in enumerate(marks):
                    if latency_ms >= mark:
                        bits |= 2 << index
            if bits & ALL_SLOW:
                row[counts.SLOW] += 1
        if epoch == self.epoch and len(self.codes) < CODES_KEPT:
            self.codes.append(64 | bits)

    def failure(self, **facts: object) -> None:
        """Remember a failure for people; `facts` are what the circuit's page shows."""
        if len(self._failures) < FAILURES_KEPT:
            self._failures.append(json.dumps(facts | {"worker": self.worker}))

    def enter(self, epoch: int) -> None:
        """The circuit has moved: outcomes of the old epoch would be dropped by the store anyway."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.codes.clear()
            self.retry_after_ms = 0

    def take(self, settings: TargetSettings) -> Flush:
        """Everything pending, to be delivered; what is recorded from now on belongs to the next flush."""
        now = int(time.monotonic())
        seconds = [(now - second, row) for second, row in self._seconds.items() if now - second < SECONDS_KEPT]
        breaker = settings.breaker
        flush = Flush(
            slug=self.slug,
            epoch=self.epoch,
            codes=bytes(self.codes),
            windows=breaker.windows,
            slow_marks_ms=breaker.slow_marks_ms,
            seconds=seconds,
            failures=self._failures,
        )
        self.codes.clear()
        self._seconds, self._failures = {}, []
        return flush

    def put_back(self, flush: Flush) -> None:
        """A flush that did not arrive is delivered with the next one, before what came after it."""
        if flush.epoch == self.epoch:
            self.codes[:0] = flush.codes[: CODES_KEPT - len(self.codes)]
        now = int(time.monotonic())
        for age, row in flush.seconds:
            second = now - age
            if second in self._seconds:
                counts.add(self._seconds[second], row)
            elif len(self._seconds) < SECONDS_KEPT:
                self._seconds[second] = row
        self._failures = (flush.failures + self._failures)[:FAILURES_KEPT]
