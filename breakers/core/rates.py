"""The slot arithmetic of rate contracts, as one process sees it; time is a parameter, in monotonic seconds.

A contract of `limit` calls per `period_s` is `limit` slots. A slot is busy from the moment it is taken until the call
is settled, and cools for `period_s` more. Two calls in one slot therefore reach the provider at least `period_s` apart,
whatever their transit takes, so any window of `period_s` sees at most one call per slot: never more than `limit`.
"""

from collections import deque
from math import inf
from typing import Literal

import msgspec

# A process that holds slots may use them for this long after it asked for them; it asks again about ten times as often.
LEASE_S = 1.0
# Slots that nobody used for this long go back, half of the idle ones each second.
QUIET_S = 3.0
QUIET_STEP_S = 1.0
SMALLEST_BATCH = 4


class ContractLimits(msgspec.Struct, frozen=True):
    """`timeout_s` bounds how long a call may be on its way; `created_at_ms` is on the clock of the store."""

    id: int
    limit: int
    period_s: float
    timeout_s: float
    created_at_ms: int = 0
    on_store_error: Literal["allow", "refuse"] = "allow"


class SlotPool:
    """The slots of one contract that this process owns: `idle` ones, `busy` ones, and `cooling`, the times of settling.

    Slots are alike, so they are counted and not named. `strangers` counts calls that are on their way without one of
    the slots owned now: their lease was lost, or they were let through without one. Whichever call ends first while
    there are strangers is taken for one of them, so a slot owned now never cools too early.
    """

    __slots__ = (
        "batch",
        "busy",
        "cooling",
        "fed_at",
        "idle",
        "limit",
        "owed",
        "period_s",
        "quiet_since",
        "strangers",
        "taken",
        "taken_before",
        "valid_until",
    )

    def __init__(self, limit: int, period_s: float) -> None:
        self.limit = limit
        self.period_s = period_s
        self.idle = 0
        self.busy = 0
        self.cooling: deque[float] = deque()
        self.strangers = 0
        self.owed = 0
        self.valid_until = -inf
        self.taken = self.taken_before = 0
        self.quiet_since = -inf
        self.batch = SMALLEST_BATCH
        self.fed_at = -inf

    @property
    def owned(self) -> int:
        return self.idle + self.busy + len(self.cooling)

    def take(self, now: float) -> bool:
        """Make one idle slot busy, if there is one and the lease still holds."""
        cooling = self.cooling
        if cooling and cooling[0] + self.period_s <= now:
            self.warm(now)
        if self.idle and now < self.valid_until:
            self.idle -= 1
            self.busy += 1
            self.taken += 1
            return True
        return False

    def settle(self, now: float) -> None:
        """A call that was sent has ended, in whatever way."""
        if self.strangers:
            self.strangers -= 1
        else:
            self._end_busy()
            self.cooling.append(now)

    def give_back(self) -> None:
        """A call was never sent."""
        if self.strangers:
            self.strangers -= 1
        else:
            self._end_busy()
            self.idle += 1
            self.shed()

    def part(self) -> None:
        """A busy slot, never used for a call, has passed to another owner."""
        self._end_busy()

    def _end_busy(self) -> None:
        if not self.busy:
            raise ValueError("more slots were settled or given back than taken")
        self.busy -= 1

    def warm(self, now: float) -> None:
        """Slots that have cooled for the whole period are idle again."""
        while self.cooling and self.cooling[0] + self.period_s <= now:
            self.cooling.popleft()
            self.idle += 1
        self.shed()

    def shed(self) -> int:
        """Let go of idle slots that are owed to others; the next message to the store no longer counts them."""
        gone = min(self.idle, self.owed)
        self.idle -= gone
        self.owed -= gone
        return gone

    def owe(self, count: int) -> int:
        """`count` slots are wanted elsewhere: let go of idle ones now, and of others as soon as they are idle."""
        self.owed = min(max(count, self.owned - self.limit, 0), self.owned)
        return self.shed()

    def resize(self, limit: int, period_s: float) -> None:
        """New terms hold at once, also for what is busy or cooling; what is above a lower limit is let go when idle."""
        self.limit, self.period_s = limit, period_s
        self.owe(self.owed)

    def confirm(self, granted: int, sent_at: float, valid_until: float) -> None:
        """The store has renewed what was asked to be kept and added `granted` slots."""
        self.idle += granted
        self.valid_until = valid_until
        if granted:
            # Ask for more and more while slots run out within a second, for fewer when they last.
            hungry = sent_at - self.fed_at < 1.0
            self.batch = min(self.batch * 2, max(self.limit, 1)) if hungry else max(self.batch // 2, SMALLEST_BATCH)
            self.fed_at = self.quiet_since = sent_at

    def lapse(self) -> None:
        """The lease is lost: nothing is owned any more, and calls on their way are strangers."""
        self.strangers += self.busy
        self.idle = self.busy = self.owed = 0
        self.cooling.clear()
        self.valid_until = -inf

    def ready_in(self, now: float) -> float | None:
        """Seconds until a slot is idle (0: one is), or None when that depends on calls still on their way."""
        if self.idle:
            return 0.0
        return max(0.0, self.cooling[0] + self.period_s - now) if self.cooling else None

    def used(self, now: float) -> bool:
        """Whether a slot was taken since the last look; slots unused for seconds are let go, half at a time."""
        if self.taken != self.taken_before:
            self.taken_before, self.quiet_since = self.taken, now
            return True
        if self.idle and now - self.quiet_since >= QUIET_S:
            self.idle //= 2
            self.quiet_since = now - QUIET_S + QUIET_STEP_S
        return False
