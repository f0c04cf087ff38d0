"""When quotas begin anew, by the wall clock of a time zone, and how much is drawn ahead."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.core.quotas import draw, next_draw, period, period_ms

VIENNA, NEW_YORK = "Europe/Vienna", "America/New_York"
ZONES = ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Vienna", "Pacific/Apia", "UTC"]


def local(zone, *parts, fold=0):
    return datetime(*parts, tzinfo=ZoneInfo(zone), fold=fold)


def oracle(at, kind, zone, offset_h):
    """From all begins of the calendar in the years around: the last one before `at`, and the next."""
    begins = set()
    day = datetime(at.year - 1, 11, 1)
    while day.year <= at.year or day.month < 3:
        if kind == "DAY" or (kind == "WEEK" and day.weekday() == 0) or (kind == "MONTH" and day.day == 1):
            begins.add((day + timedelta(hours=offset_h)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
        day += timedelta(days=1)
    before = [begin for begin in begins if begin <= at]
    return max(before), min(begins - set(before))


@given(
    at=st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    kind=st.sampled_from(["DAY", "MONTH", "WEEK"]),
    zone=st.sampled_from(ZONES),
    offset_h=st.integers(0, 671),
)
def test_the_period_is_the_one_that_a_plain_calendar_gives(at, kind, zone, offset_h):
    assert period(at, kind, zone, offset_h) == oracle(at, kind, zone, offset_h)


@given(
    at=st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    kind=st.sampled_from(["DAY", "MONTH", "WEEK"]),
    zone=st.sampled_from(ZONES),
    offset_h=st.integers(0, 2000),
)
def test_periods_follow_each_other_without_gap_or_overlap(at, kind, zone, offset_h):
    start, end = period(at, kind, zone, offset_h)
    assert start <= at < end
    assert period(start, kind, zone, offset_h) == (start, end)
    assert period(end, kind, zone, offset_h)[0] == end
    assert period(end - timedelta(microseconds=1), kind, zone, offset_h) == (start, end)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (NEW_YORK, (2026, 3, 8), 23),
        (NEW_YORK, (2026, 11, 1), 25),
        (VIENNA, (2026, 3, 29), 23),
        (VIENNA, (2026, 10, 25), 25),
        (VIENNA, (2026, 10, 26), 24),
    ],
)
def test_a_day_on_which_clocks_are_set_is_an_hour_shorter_or_longer(zone, day, hours):
    start, end = period(local(zone, *day, 12), "DAY", zone)
    assert start == local(zone, *day)
    assert end - start == timedelta(hours=hours)


def test_a_month_that_holds_a_change_of_clocks_ends_at_local_midnight():
    assert period(local(VIENNA, 2026, 3, 31, 23, 59, 59), "MONTH", VIENNA) == (
        datetime(2026, 2, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
    )
    assert period(local(NEW_YORK, 2026, 11, 30, 23, 59, 59), "MONTH", NEW_YORK) == (
        datetime(2026, 11, 1, 4, tzinfo=UTC),
        datetime(2026, 12, 1, 5, tzinfo=UTC),
    )


def test_a_begin_that_the_clocks_skip_comes_later_by_as_much_as_they_skip():
    start, end = period(local(VIENNA, 2026, 3, 29, 12), "DAY", VIENNA, 2)
    assert start == local(VIENNA, 2026, 3, 29, 3)
    assert end == local(VIENNA, 2026, 3, 30, 2)


def test_of_a_begin_that_comes_twice_the_first_counts():
    start, _ = period(local(VIENNA, 2026, 10, 25, 12), "DAY", VIENNA, 2)
    assert start == local(VIENNA, 2026, 10, 25, 2, fold=0).astimezone(UTC)
    assert period(local(VIENNA, 2026, 10, 25, 2, 30, fold=1), "DAY", VIENNA, 2)[0] == start


def test_a_week_begins_on_monday_and_later_by_the_offset():
    assert period(local(VIENNA, 2026, 5, 6, 12), "WEEK", VIENNA)[0] == local(VIENNA, 2026, 5, 4)
    assert period(local(VIENNA, 2026, 5, 6, 12), "WEEK", VIENNA, 48)[0] == local(VIENNA, 2026, 5, 6)
    assert period(local(VIENNA, 2026, 5, 5, 12), "WEEK", VIENNA, 48)[0] == local(VIENNA, 2026, 4, 29)


def test_more_hours_than_february_has_put_its_begin_into_march():
    start, end = period(local("UTC", 2026, 3, 10), "MONTH", "UTC", 700)
    assert (start, end) == (local("UTC", 2026, 3, 2, 4), local("UTC", 2026, 3, 30, 4))


def test_milliseconds_say_the_same():
    at = local(VIENNA, 2026, 3, 29, 12, 0, 30)
    start, end = period(at, "DAY", VIENNA, 6)
    assert period_ms("DAY", VIENNA, 6, int(at.timestamp() // 60)) == (start.timestamp() * 1000, end.timestamp() * 1000)


def test_what_is_held_ahead_shrinks_towards_the_limit_and_what_waits_is_served():
    assert draw(1000, waiting=1, ahead=100) == 100
    assert draw(80, waiting=1, ahead=100) == 10
    assert draw(7, waiting=1, ahead=100) == 1
    assert draw(80, waiting=30, ahead=100) == 30
    assert draw(20, waiting=30, ahead=100) == 20
    assert draw(7, waiting=0, ahead=100) == 0
    assert draw(0, waiting=3, ahead=1) == 0
    assert draw(-5, waiting=3, ahead=1) == 0


def test_the_next_draw_is_about_a_second_of_demand_and_at_most_doubles():
    assert next_draw(10, 10, 1.0) == 10
    assert next_draw(10, 10, 0.1) == 20
    assert next_draw(100, 10, 1.0) == 10
    assert next_draw(4, 0, 5.0) == 1
