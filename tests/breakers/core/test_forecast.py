"""When quotas end, and what other limits would have refused."""

import pytest

from breakers.core.forecast import replay, seconds_left, share_words, standing


def test_a_quota_ends_when_the_pace_has_used_what_is_left():
    assert seconds_left(100, 2.0, 3600) == 50


def test_a_quota_that_outlasts_its_period_has_no_end():
    assert seconds_left(100, 0.01, 3600) is None
    assert seconds_left(100, 0.0, 3600) is None


def test_a_used_up_quota_ends_now():
    assert seconds_left(0, 0.0, 3600) == 0
    assert seconds_left(-3, 1.0, 3600) == 0


@pytest.mark.parametrize(("used", "word"), [(0, ""), (79, ""), (80, "near"), (99, "near"), (100, "used up")])
def test_thresholds_lie_at_80_and_100_percent(used, word):
    assert standing(used, 100) == word


def test_shares_are_never_rounded_to_nothing_or_to_all():
    assert share_words(0, 1000) == "0 %"
    assert share_words(1, 1000) == "1 %"
    assert share_words(999, 1000) == "99 %"
    assert share_words(1000, 1000) == "100 %"
    assert share_words(1500, 1000) == "150 %"


def test_nothing_is_refused_below_the_rate():
    assert replay([(second, 5) for second in range(100)], rate=5, burst=5) == 0


def test_above_the_rate_the_burst_passes_once_and_then_the_rate():
    assert replay([(second, 10) for second in range(10)], rate=5, burst=20) == 100 - 20 - 50


def test_the_bucket_fills_up_again_while_nothing_comes():
    assert replay([(0, 25), (100, 25)], rate=5, burst=20) == 0
    assert replay([(0, 25), (2, 25)], rate=5, burst=20) == 25 - 10


def test_a_rate_below_one_per_second_lets_one_pass_every_few_seconds():
    assert replay([(second, 1) for second in range(100)], rate=0.1, burst=1) == 100 - 1 - 10
