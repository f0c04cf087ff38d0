"""What one front door holds of one quota: units drawn and not yet used, and what it last heard of the ledger."""

import asyncio
from collections import deque
from math import inf

import msgspec

from breakers.core.quotas import QuotaTerms, next_draw, period_ms
from controlplane.kernel.clock import from_ms

from .ledger import Answer, Ask, Correction

# Below this there is no use in drawing again before the last unit is gone.
SMALLEST_STOCK = 4
NEVER = -1
# Units that nobody used for so long go back.
IDLE_S = 1.0
# What has no ledger - its consumer or plan was deleted, or is not in a restored database - may have one again soon.
GONE_RETRY_S = 1.0
# For so long after the database is back shares go on, until every front door has charged what it let through.
CHARGED_WITHIN_S = 1.0


class Use(msgspec.Struct, frozen=True):
    """What is known of a quota: `used` includes what other front doors hold ahead of use, for about a second.

    `known` is False when the ledger was not read in this period: then `used` is only a guess.
    """

    limit: int
    extra: int
    used: int
    left: int
    starts_ms: float
    resets_ms: float
    known: bool


class QuotaExhausted(Exception):
    """Nothing is left of this period's quota."""

    def __init__(self, terms: QuotaTerms, retry_after_s: float, resets_ms: float) -> None:
        super().__init__(f"{terms.consumer} has used up {terms.plan}")
        self.terms, self.retry_after_s, self.resets_at = terms, retry_after_s, from_ms(round(resets_ms))


class StoreAway(Exception):
    """The database does not answer, and the plan's `on_store_error` lets nothing (more) through without it."""

    def __init__(self, terms: QuotaTerms, retry_after_s: float = 1.0) -> None:
        super().__init__(f"no ledger for {terms.consumer} in {terms.plan}")
        self.terms, self.retry_after_s = terms, retry_after_s


class Allotment:
    """One consumer's units under one plan. `ticket` tells the units of one period and generation from another's."""

    __slots__ = (
        "ahead",
        "corrections",
        "drawn",
        "end_ms",
        "extra",
        "generation",
        "gone",
        "granted",
        "granted_at",
        "held",
        "known",
        "low",
        "moved_at",
        "owed",
        "read_at",
        "readers",
        "refused_until",
        "seen",
        "share",
        "shared_until",
        "start_ms",
        "terms",
        "ticket",
        "touched_at",
        "waiters",
    )

    def __init__(self, terms: QuotaTerms) -> None:
        self.terms = terms
        self.start_ms = self.end_ms = 0.0
        self.held = 0
        self.low = NEVER
        self.ticket = 0
        self.generation = self.drawn = self.extra = 0
        self.known = self.gone = False
        self.ahead = 1
        self.granted, self.granted_at = 0, -inf
        self.seen, self.moved_at, self.touched_at = 0, -inf, -inf
        self.read_at = self.refused_until = -inf
        self.owed = 0
        self.share: int | None = None  # what may pass while the database is away
        self.shared_until = inf
        self.corrections: list[Correction] = []
        self.waiters: deque[asyncio.Future[int | Exception]] = deque()
        self.readers: list[asyncio.Future[None]] = []

    @property
    def left(self) -> int:
        """Units that this front door may still count on; below 0 when the limit was lowered under what is used."""
        if self.gone:
            return self.held
        return self.terms.limit + self.extra - self.drawn + self.held

    @property
    def idle(self) -> bool:
        return not (self.held or self.owed or self.corrections or self.waiters or self.readers)

    def exhausted(self, now_ms: float) -> QuotaExhausted:
        retry_after_s = GONE_RETRY_S if self.gone else max(0.0, self.end_ms - now_ms) / 1000
        return QuotaExhausted(self.terms, retry_after_s, self.end_ms)

    def sharing(self, now: float) -> bool:
        if self.share is not None and now >= self.shared_until:
            self.share = None
        return self.share is not None

    def use(self) -> Use:
        used = max(0, self.drawn - self.held) + self.owed
        left = 0 if self.gone else max(0, self.terms.limit + self.extra - used)
        return Use(self.terms.limit, self.extra, used, left, self.start_ms, self.end_ms, self.known)

    def bind(self, terms: QuotaTerms, now_ms: float) -> None:
        """Follow the plan's terms and the calendar. What belongs to another period goes back to it."""
        if terms != self.terms:
            self.refused_until = -inf
            self.terms = terms
        start_ms, end_ms = period_ms(terms.period, terms.time_zone, terms.offset_h, int(now_ms // 60_000))
        if (start_ms, end_ms) == (self.start_ms, self.end_ms):
            return
        self.return_all()
        if self.owed:
            self.corrections.append(Correction(self.start_ms, self.generation, self.owed))
        self.start_ms, self.end_ms = start_ms, end_ms
        self.generation = self.drawn = self.extra = self.owed = 0
        self.known, self.gone, self.share = False, False, None
        self.read_at = self.refused_until = -inf
        self.ticket += 1

    def pass_unpaid(self, now_ms: float, workers: int, *, away: bool) -> int:
        """A ticket below 0 if the plan's stance lets a request pass without the ledger; it is charged later."""
        if self.known and self.left <= 0:
            raise self.exhausted(now_ms)
        if self.terms.on_store_error == "closed":
            raise StoreAway(self.terms)
        if self.terms.on_store_error == "local":
            if away:
                self.shared_until = inf
            if self.share is None:
                self.share = max(0, self.left) // max(1, workers)
            if self.share <= 0:
                raise StoreAway(self.terms)
            self.share -= 1
        self.owed += 1
        return -self.ticket

    def return_all(self) -> None:
        """What is held will not be used."""
        if self.held:
            self.corrections.append(Correction(self.start_ms, self.generation, -self.held))
            self.drawn -= self.held
            self.held, self.low, self.seen = 0, NEVER, 0
        self.ahead = 1

    def return_idle(self, now: float) -> None:
        if self.held != self.seen:
            self.seen, self.moved_at = self.held, now
        elif self.held and now - self.moved_at >= IDLE_S:
            self.return_all()

    def tell_readers(self) -> None:
        for reader in self.readers:
            reader.set_result(None)
        self.readers.clear()

    def ask(self, now: float) -> Ask:
        """What to say to the ledger now; what is settled by saying it is taken out, see `unsaid`."""
        wanting = bool(self.waiters) or (self.low != NEVER and self.held <= self.low and self.share is None)
        if wanting and self.granted:
            self.ahead = next_draw(self.ahead, self.granted - self.held, now - self.granted_at)
            self.granted = 0
        ahead = max(0, self.ahead - self.held) if wanting else 0
        asked = Ask(
            self.terms, self.start_ms, self.end_ms, len(self.waiters), ahead, self.owed, tuple(self.corrections)
        )
        self.owed = 0
        self.corrections.clear()
        return asked

    def unsaid(self, asked: Ask, *, certain: bool) -> None:
        """The ledger did not answer. What may have been written is never undone twice, so it is not said again."""
        if (asked.start_ms, asked.end_ms) == (self.start_ms, self.end_ms):
            self.owed += asked.owed
        elif asked.owed:
            self.corrections.append(Correction(asked.start_ms, self.generation, asked.owed))
        self.corrections[:0] = [said for said in asked.corrections if certain or said.units > 0]

    def learn(self, asked: Ask, answer: Answer, now: float) -> None:
        """Take in what the ledger said. Units of a period or generation that is over go back, or are void."""
        if (asked.start_ms, asked.end_ms) != (self.start_ms, self.end_ms):
            if answer.granted:
                self.corrections.append(Correction(asked.start_ms, answer.generation, -answer.granted))
            return
        if answer.generation != self.generation:
            self.held, self.low = 0, NEVER
            self.generation = answer.generation
            self.ticket += 1
        self.drawn, self.extra, self.known = answer.drawn, answer.extra, answer.known
        # One who only reads may find no row because nothing was drawn yet; one who writes would have made it.
        self.gone = asked.writes and not answer.known
        self.read_at, self.refused_until = now, -inf
        self.shared_until = min(self.shared_until, now + CHARGED_WITHIN_S)
        if answer.granted:
            self.held += answer.granted
            self.granted, self.granted_at = self.held, now

    def stocked(self, now: float) -> None:
        """After waiting requests were served: note when to draw again, and since when the rest lies idle."""
        self.low = self.ahead // 2 if self.ahead >= SMALLEST_STOCK and self.held > self.ahead // 2 else NEVER
        self.seen, self.moved_at = self.held, now
