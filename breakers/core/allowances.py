"""Exact rate limits as leased tokens, seen by one process; time is a parameter, in monotonic seconds.

A limit of `rate` and `burst` is one token bucket for all processes. The ledger holds its level and what each process
has leased; level and leases together never exceed `burst`, and the refill stops there. A token is therefore in the
bucket, in one lease, or gone, and in any span `t` at most `burst + rate * t` requests take one. What happens between
the ledger and the processes is said in breakers/store/allowances.py.
"""

from math import ceil, inf
from typing import Literal

import msgspec

# Tokens may be used for this long after their process asked for them, or asked to keep them.
LEASE_S = 1.0
# Tokens are leased ahead for so much of the present demand, which is a mean over about the second figure.
AHEAD_S = 0.2
DEMAND_S = 0.5
MEASURE_S = 0.1
# Tokens unused for this long go back; at once when somebody else needs them and nothing was used for the second figure.
IDLE_S = 0.2
RESTING_S = 0.05
# A process that was refused does not ask again sooner, or later, than this (sooner where the bucket would run over).
SHORTEST_REFUSAL_S = 0.01
LONGEST_REFUSAL_S = 1.0

OnStoreError = Literal["open", "closed", "local"]
State = Literal["held", "lost", "blind"]


class TokenLimit(msgspec.Struct, frozen=True):
    """`id` names the bucket in the fleet. A bucket that is known to be younger than the ledger may start full at once:
    `created_at_ms` is that time on the clock of the store; 0: not known.
    """

    id: str
    rate: float
    burst: int
    on_store_error: OnStoreError = "local"
    created_at_ms: int = 0


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """What one process says of one bucket: it states what it keeps, so whatever else it had is gone.

    `keep` tokens are unused and stay leased, `back` ones were unused and are given up, the others were used at least
    `age_us` ago. `need` requests wait for a token; `want` is what it would take in all.
    """

    id: str
    keep: int
    back: int
    need: int
    want: int
    age_us: int
    rate: float
    burst: int
    created_at_ms: int


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """`lost`: nothing of what it kept is leased any more. `blind`: the ledger can't know what is leased, for `next_us`.

    Else `left` is the level after `granted`, `next_us` the time until it reaches a token, and `elsewhere` says that
    other processes may have some that they do not use: whoever needs one asks again, and they are told.
    """

    state: State
    granted: int
    left: float
    next_us: int
    elsewhere: bool


class TokenBucket:
    """A token bucket of one process alone: a share of a limit, for as long as there is no ledger."""

    __slots__ = ("at", "burst", "level", "rate")

    def __init__(self, rate: float, burst: float, level: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self.level = min(level, burst)
        self.at = now

    def next_in(self, now: float) -> float:
        """Seconds until a token is there; 0 when one is."""
        if now > self.at:
            self.level = min(self.burst, self.level + (now - self.at) * self.rate)
            self.at = now
        return max(0.0, (1.0 - self.level) / self.rate)

    def take(self, now: float) -> bool:
        if self.next_in(now) > 0:
            return False
        self.level -= 1.0
        return True

    def give_back(self) -> None:
        self.level = min(self.burst, self.level + 1.0)

    def resize(self, rate: float, burst: float, now: float) -> None:
        """New terms from now on; nothing is refilled by them."""
        self.next_in(now)
        self.rate, self.burst = rate, burst
        self.level = min(self.level, burst)


class TokenPool:
    """The tokens of one bucket that this process has leased: `idle` ones may be used until `valid_until`.

    Whoever takes one counts it: `idle` down, `used` up, `used_at`. When `idle` has come down to `mark`, the ledger
    should hear of it soon: to top up before requests have to wait, or because so much of a small burst was used that
    unreported use would stop the refill.
    """

    __slots__ = (
        "blind_until", "demand", "dry_until", "granted_at", "heard_at", "idle", "left", "limit", "local", "mark",
        "measured_at", "next_at", "pressed", "recorded", "refused", "seen_at", "told_at", "used", "used_at",
        "valid_until", "witnessed_at",
    )  # fmt: skip

    def __init__(self, limit: TokenLimit, now: float) -> None:
        self.limit = limit
        self.idle = 0
        self.valid_until = -inf
        self.mark = -1
        self.recorded = 0  # tokens that the ledger may count as leased to us
        self.used = self.refused = 0  # since demand was measured
        self.used_at = self.witnessed_at = self.granted_at = self.told_at = self.heard_at = -inf
        self.measured_at = self.seen_at = now
        self.demand = 0.0
        self.left = -1.0  # level of the bucket when last heard of; -1: never
        self.dry_until = self.next_at = self.blind_until = -inf
        self.pressed = False
        self.local: TokenBucket | None = None

    # Requests

    def usable(self, now: float) -> int:
        return self.idle if now < self.valid_until else 0

    def use(self, now: float) -> bool:
        """Use one token that is known to be usable; true when the ledger should hear of it soon."""
        self.idle -= 1
        self.used += 1
        self.used_at = now
        return self.idle <= self.mark

    def witness(self, now: float) -> None:
        """The clock was read again after the last use, so whoever used that token has gone on before `now`. Between
        reading the clock and going on a process may be paused: the time of the use itself would be too early.
        """
        if self.witnessed_at <= self.used_at:
            self.witnessed_at = now

    def unuse(self, taken_at: float, now: float) -> None:
        """A token was taken and no request passed: another may use it, unless the ledger counts it as used by now."""
        if self.told_at < taken_at and now < self.valid_until:
            self.idle += 1

    def next_in(self, now: float) -> float:
        """Seconds until the bucket has a token again, by what the ledger said."""
        return max(self.next_at - now, 0.001)

    def level(self, now: float) -> float:
        """What the bucket holds by now, as far as this process knows: full when it never heard of it."""
        if self.left < 0:
            return float(self.limit.burst)
        return min(self.limit.burst, self.left + (now - self.heard_at) * self.limit.rate)

    def share(self, now: float, workers: int) -> TokenBucket:
        """The part of the limit that this process keeps to by itself; it begins with its part of what was left."""
        rate, burst = self.limit.rate / workers, max(1.0, self.limit.burst / workers)
        if self.local is None:
            self.local = TokenBucket(rate, burst, burst if self.left < 0 else self.level(now) / workers, now)
        elif (self.local.rate, self.local.burst) != (rate, burst):
            self.local.resize(rate, burst, now)
        return self.local

    def revise(self, limit: TokenLimit) -> None:
        """New terms. Under a lower burst tokens leased before are forgotten, for others may hold as many; they count as
        used.
        """
        if limit.burst < self.limit.burst:
            self.idle = 0
        if (limit.rate, limit.burst) != (self.limit.rate, self.limit.burst):
            self.dry_until = -inf
        self.limit = limit

    # The ledger

    def press(self) -> None:
        """Other processes need tokens of this bucket, or have given some back."""
        self.dry_until = -inf
        self.pressed = True

    def ask(self, now: float, *, need: int = 0, leaving: bool = False) -> Ask | None:
        """What to say to the ledger now, or None when there is nothing to say. Tokens given back are given up here."""
        self._measure(now)
        if now >= self.valid_until:
            self.idle = 0
        ahead = 0 if leaving else min(int(self.demand * AHEAD_S), self.limit.burst // 2)
        back = self.idle if leaving else self._surplus(now, ahead)
        self.pressed = False
        if not (need or back or self.recorded > self.idle or (self.idle and self.valid_until - now < LEASE_S / 2)):
            return None
        self.idle -= back
        self.seen_at = self.told_at = now
        want = need + max(0, ahead - self.idle - back)
        since_use = now - self.witnessed_at if self.witnessed_at > self.used_at else 0.0
        limit, age_us = self.limit, int(min(since_use, LEASE_S) * 1e6)
        return Ask(limit.id, self.idle, back, need, want, age_us, limit.rate, limit.burst, limit.created_at_ms)

    def _measure(self, now: float) -> None:
        """Demand is a moving mean of what was used and refused per second."""
        span = now - self.measured_at
        if span >= MEASURE_S:
            self.demand += ((self.used + self.refused) / span - self.demand) * min(1.0, span / DEMAND_S)
            self.used = self.refused = 0
            self.measured_at = now

    def _surplus(self, now: float, ahead: int) -> int:
        quiet = now - max(self.used_at, self.granted_at)
        if quiet >= (RESTING_S if self.pressed else IDLE_S):
            return self.idle
        if self.pressed:
            return ceil(self.idle / 2)
        return self.idle - ahead if self.idle > 2 * ahead + 1 else 0

    def hear(self, ask: Ask, answer: Answer, sent_at: float, now: float, lease_s: float = LEASE_S) -> None:
        """Tokens used since `ask` was made are not in its `keep` any more, and stay used."""
        self.heard_at = now
        if answer.state == "blind":
            self.blind_until, self.recorded = now + answer.next_us / 1e6, self.idle
            return
        if answer.state == "lost":
            self.idle = 0
        self.idle += answer.granted if ask.burst <= self.limit.burst else 0
        self.recorded = answer.granted + (ask.keep if answer.state == "held" else 0)
        self.valid_until = sent_at + lease_s
        self.blind_until, self.local = -inf, None
        if answer.granted:
            self.granted_at = now
        self.left = answer.left
        self.next_at = now + answer.next_us / 1e6
        self.dry_until = -inf
        if answer.next_us and not answer.elsewhere and not self.pressed:  # a push may overtake the answer before it
            shortest = min(SHORTEST_REFUSAL_S, self.limit.burst / self.limit.rate / 10)
            # The ledger tells those whom it refused when others give tokens back, and nobody else.
            longest = LONGEST_REFUSAL_S if answer.granted < ask.need else SHORTEST_REFUSAL_S
            self.dry_until = now + min(max(answer.next_us / 1e6, shortest), longest)
        top_up = self.idle // 2 if self.idle >= 2 and not answer.next_us else -1
        self.mark = max(top_up, self.recorded - ceil(self.limit.burst / 2))

    def unheard(self, ask: Ask) -> None:
        """No answer came: the ledger may have granted all that was wanted, and those tokens are lost."""
        self.recorded = max(self.recorded, ask.keep + ask.want)
