"""One circuit as pages show it: what was read, set against its settings and an operator's order; pure."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec

from breakers.core import counts
from breakers.core.machine import effective
from breakers.core.settings import Override, TargetSettings
from breakers.core.states import PLAIN_WORDS, STOPPED, State
from breakers.store.board import CircuitReading

# A circuit without a call for so long says nothing about its health.
QUIET_S = 60
SPARK_S = 120

# Signs differ in shape, so that they are told apart without colour.
SIGNS = {
    State.CLOSED: "●",
    State.OPEN: "✕",
    State.HALF_OPEN: "◐",
    State.FORCED_OPEN: "■",
    State.FORCED_CLOSED: "▲",
    State.DISABLED: "○",
    State.METRICS_ONLY: "◇",
}


class Lane(NamedTuple):
    slug: str
    title: str
    states: tuple[State, ...]


# Worst first; a board is read from the top.
LANES = (
    Lane("open", "Not carrying traffic", (State.OPEN, State.FORCED_OPEN)),
    Lane("half-open", "Testing recovery", (State.HALF_OPEN,)),
    Lane("ordered", "Carrying traffic without protection", (State.FORCED_CLOSED, State.DISABLED, State.METRICS_ONLY)),
    Lane("closed", "Carrying traffic", (State.CLOSED,)),
)


class Row(msgspec.Struct, dict=True):
    """`journeys` are the titles of what customers can't do without this target; `now_ms` is the store's time."""

    settings: TargetSettings
    reading: CircuitReading
    now_ms: float
    override: Override | None = None
    override_revision: int | None = None
    owner: str = ""
    team: str = ""
    contact: str = ""
    tags: Sequence[str] = ()
    journeys: Sequence[str] = ()

    @property
    def slug(self) -> str:
        return self.settings.slug

    @property
    def title(self) -> str:
        return self.settings.title or self.settings.slug

    @cached_property
    def order(self) -> Override | None:
        """The operator's order, as long as it binds."""
        return self.override if self.override is not None and self.override.active(self.now_ms) else None

    @property
    def observed(self) -> State:
        return self.reading.circuit.state

    @cached_property
    def effective(self) -> State:
        return effective(self.reading.circuit, self.settings.breaker, self.order, self.now_ms)

    @property
    def sign(self) -> str:
        return SIGNS[self.effective]

    @property
    def words(self) -> str:
        return PLAIN_WORDS[self.effective]

    @property
    def stopped(self) -> bool:
        return self.effective in STOPPED

    @property
    def at_odds(self) -> bool:
        """Whether workers act on something else than the breaker concludes."""
        return self.effective is not self.observed

    @cached_property
    def lane(self) -> Lane:
        return next(lane for lane in LANES if self.effective in lane.states)

    @property
    def since_ms(self) -> float:
        """When the effective state began; 0 when it always was so."""
        return self.order.since_ms if self.order else self.reading.circuit.since_ms

    @property
    def reason(self) -> str:
        return self.order.reason if self.order else self.reading.circuit.reason

    @cached_property
    def minute(self) -> list[int]:
        return self.reading.last(QUIET_S, self.now_ms)

    @property
    def calls(self) -> int:
        return self.minute[counts.CALLS]

    @property
    def failures(self) -> int:
        return self.minute[counts.FAILURES]

    @property
    def cached(self) -> int:
        return self.minute[counts.CACHED]

    @property
    def rejected(self) -> int:
        return self.minute[counts.REJECTED]

    @property
    def quiet(self) -> bool:
        """No call in the last minute: nothing is known, which is not the same as fine."""
        return not self.calls

    @property
    def failing(self) -> bool:
        """Carries traffic, yet enough of it fails to be looked at."""
        return not self.stopped and self.calls >= 10 and self.failures >= 0.1 * self.calls

    @cached_property
    def p50(self) -> float | None:
        return counts.percentile(self.minute, 0.5)

    @cached_property
    def p99(self) -> float | None:
        return counts.percentile(self.minute, 0.99)

    @property
    def by_probe(self) -> bool:
        return self.settings.breaker.half_open_by == "probe" and self.settings.probe is not None

    @property
    def next_probe_ms(self) -> float | None:
        """When recovery is tried next: the end of the wait. None while nothing will be tried."""
        if self.observed is not State.OPEN or (self.order and self.order.state in (State.FORCED_OPEN, State.DISABLED)):
            return None
        return self.reading.circuit.until_ms

    def series(self, span_s: int = SPARK_S) -> list[list[int]]:
        """Counts of each of the last `span_s` whole seconds, oldest first; seconds without traffic are zeros."""
        # The running second is left out: it would always look like a drop.
        end = int(self.now_ms / 1000)
        by_second = dict(self.reading.seconds)
        return [by_second.get(second) or counts.empty() for second in range(end - span_s, end)]


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """By lane; in a lane the newest trouble first, then failing, then what is loud before what is quiet."""

    def key(row: Row) -> tuple[object, ...]:
        trouble = -row.since_ms if row.stopped or row.order else 0
        return LANES.index(row.lane), trouble, not row.failing, row.quiet, row.title.lower()

    return sorted(rows, key=key)


def in_lanes(rows: Iterable[Row]) -> list[tuple[Lane, list[Row]]]:
    """The lanes that hold something, worst first."""
    ordered = worst_first(rows)
    return [(lane, held) for lane in LANES if (held := [row for row in ordered if row.lane == lane])]
