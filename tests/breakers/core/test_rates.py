"""Slots of one process, against a plain model and a clock that only moves when told."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from breakers.core.rates import QUIET_S, SlotPool


def pool(
    idle: int = 0, *, limit: int = 10, period_s: float = 2.0, now: float = 0.0, lease_s: float = 1000.0
) -> SlotPool:
    made = SlotPool(limit, period_s)
    made.confirm(idle, now, now + lease_s)
    return made


def takes(slots: SlotPool, now: float) -> int:
    got = 0
    while slots.take(now):
        got += 1
    return got


def test_a_slot_is_busy_until_the_call_settles_and_a_whole_period_more():
    slots = pool(1)
    assert slots.take(0.0)
    assert not slots.take(100.0)
    slots.settle(100.0)
    assert not slots.take(101.999)
    assert slots.take(102.0)


def test_a_slot_whose_call_was_never_sent_is_idle_at_once():
    slots = pool(1)
    assert slots.take(0.0)
    slots.give_back()
    assert slots.take(0.0)


def test_nothing_is_taken_after_the_lease_has_run_out():
    slots = pool(1, lease_s=1.0)
    assert not slots.take(1.0)
    slots.confirm(0, 1.2, 2.2)
    assert slots.take(1.3)


def test_slots_owed_to_others_are_let_go_as_soon_as_they_are_idle():
    slots = pool(3)
    takes(slots, 0.0)
    assert slots.owe(2) == 0
    slots.settle(0.0)
    slots.settle(1.0)
    slots.warm(2.0)
    assert (slots.owned, slots.owed) == (2, 1)
    slots.give_back()
    assert (slots.owned, slots.owed) == (1, 0)


def test_a_lower_limit_binds_at_once_and_a_surplus_is_let_go():
    slots = pool(10)
    for _ in range(6):
        slots.take(0.0)
    slots.resize(3, 2.0)
    assert (slots.idle, slots.busy, slots.owed) == (0, 6, 3)
    for _ in range(6):
        slots.settle(0.0)
    assert takes(slots, 2.0) == 3


def test_a_new_period_counts_from_the_settling_of_what_still_cools():
    slots = pool(2)
    takes(slots, 0.0)
    slots.settle(0.0)
    slots.settle(1.0)
    slots.resize(10, 60.0)
    assert takes(slots, 59.9) == 0
    assert takes(slots, 60.0) == 1
    slots.resize(10, 1.0)
    assert takes(slots, 60.0) == 1


def test_calls_of_a_lost_lease_never_free_a_slot_of_the_next_one_too_early():
    slots = pool(2)
    slots.take(0.0)
    slots.lapse()
    slots.confirm(1, 1.0, 1000.0)
    assert slots.take(1.0)
    slots.settle(2.0)  # whichever call this was, one is still on its way
    assert (slots.busy, slots.strangers) == (1, 0)
    slots.settle(5.0)
    assert not slots.take(6.9)
    assert slots.take(7.0)


def test_settling_more_than_was_taken_is_refused():
    with pytest.raises(ValueError, match="more slots were settled"):
        pool(1).settle(0.0)


def test_unused_slots_go_back_by_halves_each_second():
    slots = pool(8)
    assert slots.used(QUIET_S - 0.1) is False
    assert slots.idle == 8
    left = []
    for second in range(4):
        slots.used(QUIET_S + second)
        slots.used(QUIET_S + second + 0.5)
        left.append(slots.idle)
    assert left == [4, 2, 1, 0]


def test_a_slot_in_use_keeps_the_others_at_hand():
    slots = pool(8)
    slots.take(2.0)
    assert slots.used(2.5) is True
    slots.used(2.5 + QUIET_S - 0.1)
    assert slots.idle == 7


def test_batches_grow_while_slots_run_out_and_shrink_when_they_last():
    slots = pool(limit=100)
    for at in (0.0, 0.3, 0.6):
        slots.confirm(1, at, 10.0)
    assert slots.batch == 16
    slots.confirm(1, 5.0, 10.0)
    assert slots.batch == 8


class Slots(RuleBasedStateMachine):
    """The model names every call. A slot is in use by a call until its end plus the period of the contract."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.limit, self.period_s = 3, 3.0
        self.slots = SlotPool(self.limit, self.period_s)
        self.valid_until = -1.0
        self.owned = 0  # what the store has recorded for the lease
        self.on_the_way: list[str] = []  # "ours" or "lost", in no order that the pool could know
        self.ended: list[float] = []  # ends of calls that used a slot of this lease

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 2.9, 3.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(granted=st.integers(0, 3), lease_s=st.sampled_from([0.6, 5.0, 50.0]))
    def the_store_renews(self, granted, lease_s):
        self.slots.warm(self.now)
        self.owned = self.slots.owned  # each renewal states what is kept
        granted = min(granted, max(0, self.limit - self.owned))
        self.slots.confirm(granted, self.now, self.now + lease_s)
        self.owned += granted
        self.valid_until = self.now + lease_s

    @rule()
    def calls_begin(self):
        while self.slots.take(self.now):
            assert self.now < self.valid_until
            self.on_the_way.append("ours")
            in_use = self.on_the_way.count("ours") + sum(at + self.period_s > self.now for at in self.ended)
            assert in_use <= self.owned

    @precondition(lambda self: self.on_the_way)
    @rule(which=st.randoms(use_true_random=False), sent=st.sampled_from([True, True, True, False]))
    def a_call_ends(self, which, sent):
        call = self.on_the_way.pop(which.randrange(len(self.on_the_way)))
        if sent:
            self.slots.settle(self.now)
        else:
            self.slots.give_back()
        if call == "ours" and sent:
            self.ended.append(self.now)

    @rule()
    def the_lease_is_lost(self):
        self.slots.lapse()
        self.owned, self.ended = 0, []
        self.on_the_way = ["lost"] * len(self.on_the_way)

    @rule(count=st.integers(0, 4))
    def others_need_some(self, count):
        self.slots.owe(count)

    @rule(limit=st.integers(0, 3), period_s=st.sampled_from([1.0, 3.0, 5.0]))
    def the_terms_change(self, limit, period_s):
        # A longer period counts what still cools; what had cooled for the old one is not remembered.
        self.ended = [at for at in self.ended if at + self.period_s > self.now]
        self.slots.warm(self.now)
        self.limit, self.period_s = limit, period_s
        self.slots.resize(limit, period_s)

    @invariant()
    def every_call_on_its_way_is_accounted_for(self):
        assert self.slots.busy + self.slots.strangers == len(self.on_the_way)

    @invariant()
    def never_more_than_was_recorded(self):
        assert self.slots.owned <= self.owned
        assert min(self.slots.idle, self.slots.busy, self.slots.strangers, self.slots.owed) >= 0

    def teardown(self):
        """After all calls have ended and cooled, every slot still owned is idle, and none is lost."""
        for _ in self.on_the_way:
            self.slots.settle(self.now)
        self.slots.owed = 0
        owned = self.slots.owned
        self.slots.confirm(0, self.now, self.now + 100.0)
        assert takes(self.slots, self.now + self.period_s) == owned


TestSlots = Slots.TestCase
TestSlots.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
