"""Tokens of several processes at one ledger, against a plain model of it and a clock that only moves when told."""

from math import ceil, floor, inf
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from breakers.core.allowances import Answer, Ask, TokenBucket, TokenLimit, TokenPool

LEASE = 1.05


class Ledger:
    """One bucket of the ledger, as breakers/store/lua/tokens_*.lua keeps it; seconds instead of microseconds."""

    def __init__(self, limit: TokenLimit, now: float) -> None:
        self.rate, self.burst, self.level, self.spilled, self.at = limit.rate, limit.burst, float(limit.burst), 0.0, now
        self.holders: dict[str, dict[str, Any]] = {}

    @property
    def leased(self) -> int:
        return sum(record["n"] for record in self.holders.values())

    def refill(self, to: float) -> None:
        gained = max(0.0, to - self.at) * self.rate
        added = min(gained, max(0.0, self.burst - self.leased - self.level))
        self.level, self.spilled, self.at = self.level + added, self.spilled + gained - added, max(self.at, to)

    def exchange(self, holder: str, seq: int, ask: Ask, now: float) -> Answer:
        self.rate, revised = min(self.rate, ask.rate), (self.rate, self.burst) != (ask.rate, ask.burst)
        for other, record in sorted(self.holders.items(), key=lambda item: item[1]["expiry"]):
            if record["expiry"] <= now:
                self.refill(record["expiry"])
                del self.holders[other]
        self.refill(now)
        self.rate, self.burst = ask.rate, ask.burst
        if revised:
            self.spilled = 0.0
            for record in self.holders.values():
                record["spilled"] = 0.0
            self.level = min(self.level, max(0.0, self.burst - self.leased))
        mine = self.holders.get(holder, {"n": 0, "seq": 0, "at": now, "spilled": self.spilled})
        if seq <= mine["seq"]:
            return Answer("lost", 0, 0, 0, False)
        state, keep, back = ("lost", 0, 0) if ask.keep > mine["n"] else ("held", ask.keep, ask.back)
        back = min(back, mine["n"] - keep)
        spent = mine["n"] - keep - back
        used_for = max(0.0, now - ask.age_us / 1e6 - mine["at"])
        freed = max(0.0, min(spent, self.spilled - mine["spilled"] - used_for * self.rate))
        self.holders.pop(holder, None)
        self.spilled -= freed
        self.level = min(self.level + freed + back, max(0.0, self.burst - self.leased - keep))
        granted = min(ask.want, floor(self.level))
        self.level -= granted
        if keep + granted:
            told = {"n": keep + granted, "seq": seq, "at": now, "spilled": self.spilled, "expiry": now + LEASE}
            self.holders[holder] = told
        return Answer(state, granted, self.level, max(0, ceil((1 - self.level) / self.rate * 1e6)), False)


class Worker:
    def __init__(self, name: str, limit: TokenLimit, now: float) -> None:
        self.name, self.pool, self.seq = name, TokenPool(limit, now), 0


class Fleet(RuleBasedStateMachine):
    """Workers that use tokens, ask, lose messages and answers, and die; and messages that come late or twice."""

    @initialize(rate=st.sampled_from([0.5, 3.0, 40.0, 500.0]), burst=st.sampled_from([1, 2, 7, 50]))
    def begin(self, rate: float, burst: int) -> None:
        self.now = 1000.0
        self.limit = TokenLimit("bucket", rate, burst)
        self.ledger = Ledger(self.limit, self.now)
        self.workers = [Worker(f"w{i}", self.limit, self.now) for i in range(3)]
        self.born = 3
        self.astray: list[tuple[str, int, Ask]] = []
        self.there, self.since = float(burst), self.now

    @rule(seconds=st.sampled_from([0.0, 0.0004, 0.01, 0.1, 0.3, 0.7, 1.04, 2.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(which=st.integers(0, 2), count=st.integers(1, 20), pause=st.sampled_from([0.0, 0.0, 0.0003, 0.04]))
    def requests_come(self, which: int, count: int, pause: float = 0.0) -> None:
        """A process may be paused between reading the clock and going on."""
        pool = self.workers[which].pool
        for _ in range(count):
            pool.witness(self.now)
            if pool.usable(self.now):
                pool.use(self.now)
                self.now += pause
                self.admit()

    @rule(which=st.integers(0, 2))
    def a_request_takes_a_token_and_gives_it_back_after_an_exchange(self, which: int) -> None:
        pool, taken_at = self.workers[which].pool, self.now
        if pool.usable(self.now):
            pool.use(taken_at)
            self.exchange(which, 0, 0.001, 0.001, "arrives", 0)
            pool.unuse(taken_at, self.now)

    @rule(
        which=st.integers(0, 2),
        need=st.integers(0, 60),
        there=st.sampled_from([0.0, 0.002, 0.2]),
        back=st.sampled_from([0.0, 0.002, 0.2]),
        fate=st.sampled_from(["arrives", "arrives", "arrives", "message lost", "answer lost", "comes late"]),
        used_meanwhile=st.integers(0, 3),
    )
    def exchange(self, which: int, need: int, there: float, back: float, fate: str, used_meanwhile: int) -> None:
        worker, sent_at = self.workers[which], self.now
        ask = worker.pool.ask(sent_at, need=need)
        if ask is None:
            return
        worker.seq += 1
        self.now += there
        self.requests_come(which, used_meanwhile)
        if fate in ("message lost", "comes late"):
            worker.pool.unheard(ask)
            if fate == "comes late":
                self.astray.append((worker.name, worker.seq, ask))
            return
        answer = self.ledger.exchange(worker.name, worker.seq, ask, self.now)
        self.astray.append((worker.name, worker.seq, ask))
        self.now += back
        if fate == "answer lost":
            worker.pool.unheard(ask)
        else:
            worker.pool.hear(ask, answer, sent_at, self.now)

    @rule(
        which=st.integers(0, 2),
        rest=st.sampled_from([0.0, 0.01, 0.15, 0.7]),
        count=st.integers(1, 5),
        pause=st.sampled_from([0.0, 0.04]),
        refused=st.booleans(),
        later=st.sampled_from([0.0, 0.09, 0.3]),
    )
    def a_worker_leases_rests_uses_and_tells(
        self, which: int, rest: float, count: int, pause: float, refused: bool, later: float
    ) -> None:
        self.exchange(which, count, 0.0, 0.0, "arrives", 0)
        self.now += rest
        self.requests_come(which, count, pause)
        if refused:
            self.workers[which].pool.witness(self.now)
        self.now += later
        self.exchange(which, 0, 0.0, 0.0, "arrives", 0)

    @rule(which=st.integers(0, 9))
    def an_old_message_arrives_again(self, which: int) -> None:
        if self.astray:
            self.ledger.exchange(*self.astray[-1 - which % len(self.astray)], self.now)

    @rule(which=st.integers(0, 2))
    def a_worker_dies_and_another_takes_its_place(self, which: int) -> None:
        self.workers[which] = Worker(f"w{self.born}", self.limit, self.now)
        self.born += 1

    @rule(which=st.integers(0, 2))
    def another_process_needs_tokens(self, which: int) -> None:
        self.workers[which].pool.press()

    def admit(self) -> None:
        """A bucket that was full at first gives a token for each request, and never owes one: every span is in bounds.

        The tolerance is the rounding of 64-bit floats.
        """
        self.there, self.since = self.true_level() - 1.0, self.now
        assert self.there >= -1e-6

    def true_level(self) -> float:
        return min(self.limit.burst, self.there + (self.now - self.since) * self.limit.rate)

    @invariant()
    def whatever_could_pass_now_would_not_be_too_much(self) -> None:
        if hasattr(self, "ledger"):
            could_pass = sum(worker.pool.usable(self.now) for worker in self.workers) + floor(self.ledger.level)
            assert could_pass <= self.true_level() + 1e-6
            assert self.ledger.level + self.ledger.leased <= self.ledger.burst + 1e-6


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def held(idle: int, *, rate: float = 10.0, burst: int = 10, now: float = 0.0) -> TokenPool:
    pool = TokenPool(TokenLimit("bucket", rate, burst), now)
    ask = pool.ask(now, need=idle)
    assert ask is not None
    pool.hear(ask, Answer("held", idle, burst - idle, 0, False), now, now)
    return pool


def test_tokens_may_be_used_until_a_lease_after_they_were_asked_for():
    pool = TokenPool(TokenLimit("bucket", 10, 10), 5.0)
    ask = pool.ask(5.0, need=2)
    pool.hear(ask, Answer("held", 2, 8, 0, False), 5.0, 5.3)
    assert pool.usable(5.999) == 2
    assert pool.usable(6.0) == 0


def test_nothing_is_said_while_there_is_nothing_to_say():
    assert held(1).ask(0.1) is None
    assert TokenPool(TokenLimit("bucket", 1, 1), 0.0).ask(10.0) is None


def test_tokens_that_nobody_uses_go_back():
    pool = held(3)
    assert pool.ask(0.25).back == 3
    assert pool.usable(0.25) == 0


def test_tokens_that_others_need_go_back_sooner_and_by_half_while_they_are_in_use():
    resting, busy = held(4), held(4)
    busy.use(0.1)
    for pool in (resting, busy):
        pool.press()
    assert resting.ask(0.1).back == 4
    assert busy.ask(0.1).back == 2


def test_one_request_now_and_then_leases_nothing_ahead():
    pool = held(1, burst=100)
    for second in range(1, 20):
        pool.use(float(second) - 0.999)
        assert pool.ask(float(second) - 0.9).want == 0
        ask = pool.ask(float(second), need=1)
        assert (ask.want, ask.keep) == (1, 0)
        pool.hear(ask, Answer("held", 1, 98, 0, False), float(second), float(second))


def test_a_steady_stream_leases_about_a_fifth_of_a_second_ahead():
    pool = held(10, rate=1000, burst=1000)
    for tenth in range(1, 20):
        for _ in range(min(10, pool.idle)):
            pool.use(tenth / 10)
        ask = pool.ask(tenth / 10)
        pool.hear(ask, Answer("held", ask.want, 500, 0, False), tenth / 10, tenth / 10)
    assert 16 <= pool.idle <= 20


def test_a_refusal_stands_until_the_bucket_has_a_token_but_never_longer_than_a_second():
    pool = TokenPool(TokenLimit("bucket", 0.1, 10), 0.0)
    ask = pool.ask(0.0, need=1)
    pool.hear(ask, Answer("held", 0, 0.5, 5_000_000, False), 0.0, 0.0)
    assert pool.next_in(0.0) == 5.0
    assert pool.dry_until == 1.0


def test_a_token_given_back_after_the_ledger_heard_of_its_use_stays_used():
    pool = held(2)
    pool.use(0.01)
    pool.unuse(0.01, 0.02)
    assert pool.idle == 2
    pool.use(0.03)
    pool.ask(0.05)
    pool.unuse(0.03, 0.06)
    assert pool.idle == 1


def test_a_lower_burst_takes_away_at_once_what_was_leased_before():
    pool, asked = held(8), held(8)
    ask = asked.ask(0.1, need=2)
    for one in (pool, asked):
        one.revise(TokenLimit("bucket", 10, 3))
    asked.hear(ask, Answer("held", 2, 0, 0, False), 0.1, 0.1)
    assert (pool.usable(0.1), asked.usable(0.1)) == (0, 0)


def test_a_use_counts_from_when_the_process_has_surely_gone_on():
    pool = held(3)
    pool.use(0.01)
    assert pool.ask(0.05).age_us == 0
    pool.use(0.06)
    pool.witness(0.07)
    assert pool.ask(0.1).age_us == 30_000


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_share_is_the_rate_and_burst_divided_and_begins_with_what_was_left(workers):
    unknown = TokenPool(TokenLimit("bucket", 8, 8), 0.0).share(0.0, workers)
    assert (unknown.rate, unknown.level) == (8 / workers, 8 / workers)
    known = held(8, rate=8, burst=8)
    assert known.share(0.0, workers).level == 0.0
    assert known.share(0.0, workers).next_in(0.0) == pytest.approx(workers / 8)


def test_a_share_is_never_less_than_one_request():
    share = TokenPool(TokenLimit("bucket", 1, 1), 0.0).share(0.0, 4)
    assert share.take(0.0)
    assert not share.take(3.9)
    assert share.take(4.0)


def test_a_bucket_of_one_process_fills_at_its_rate_up_to_its_burst():
    bucket = TokenBucket(2.0, 3.0, inf, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.next_in(0.25) == 0.25
    bucket.resize(1.0, 2.0, 100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
