"""What rules did with requests, in memory until it is delivered: counts, some samples, and which keys matched."""

import json
import random
from collections.abc import Callable, Iterable

from breakers.core.statements import Traits
from breakers.store.rules import MINUTE_MS, Notes

from .redaction import sample

SAMPLES_A_FLUSH = 5
TOP_A_FLUSH = 500
MINUTES_KEPT = 30

Record = Callable[[str, str, float], None]


class Notebook:
    """Notes of all rules since the last delivery; what could not be delivered is told with the next.

    `record` is told every outcome too (rule, outcome, seconds since 1970): the usage record keeps them for good, while
    what is told here answers what a rule does right now without reading everybody's counts.
    """

    def __init__(self, record: Record | None = None) -> None:
        self._notes: dict[str, Notes] = {}
        self._record = record

    def note(self, slug: str, outcome: str, traits: Traits, key: str, now_ms: float, count: int | None = None) -> None:
        notes = self._notes.get(slug)
        if notes is None:
            notes = self._notes[slug] = Notes(slug, {}, {}, [])
        field = int(now_ms // MINUTE_MS), outcome
        notes.counts[field] = seen = notes.counts.get(field, 0) + 1
        if self._record is not None:
            self._record(slug, outcome, now_ms / 1000)
        top = notes.top
        if key in top or len(top) < TOP_A_FLUSH:
            top[key] = top.get(key, 0) + 1
        # The first ones, and later ones with falling odds: what a burst is like is seen, and it costs nothing more.
        if len(notes.samples) < SAMPLES_A_FLUSH and (seen <= 2 or random.random() * seen < 1):
            notes.samples.append(json.dumps(sample(traits, at_ms=now_ms, outcome=outcome, count=count)))

    def count(self, slug: str, outcome: str, now_ms: float) -> None:
        """Count something that is no request through the rules, such as a challenge that was solved."""
        notes = self._notes.setdefault(slug, Notes(slug, {}, {}, []))
        field = int(now_ms // MINUTE_MS), outcome
        notes.counts[field] = notes.counts.get(field, 0) + 1
        if self._record is not None:
            self._record(slug, outcome, now_ms / 1000)

    def take(self) -> list[Notes]:
        taken, self._notes = list(self._notes.values()), {}
        return taken

    def put_back(self, taken: Iterable[Notes]) -> None:
        for earlier in taken:
            later = self._notes.get(earlier.slug)
            if later is None:
                self._notes[earlier.slug] = earlier
                continue
            for field, count in earlier.counts.items():
                if field in later.counts or len(later.counts) < MINUTES_KEPT:
                    later.counts[field] = later.counts.get(field, 0) + count
            for key, count in earlier.top.items():
                if key in later.top or len(later.top) < TOP_A_FLUSH:
                    later.top[key] = later.top.get(key, 0) + count
            later.samples = (earlier.samples + later.samples)[-SAMPLES_A_FLUSH:]
