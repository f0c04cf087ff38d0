"""Sliding windows against a plain model: a list of every request with its time."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from breakers.core.windows import Share, SlidingWindow

W = 10
moves = st.lists(
    st.one_of(
        st.tuples(st.just("hit"), st.integers(0, 2), st.sampled_from(["a", "b", "c"])),
        st.tuples(st.just("later"), st.sampled_from([0.3, 1.0, 4.0, 9.0, 11.0, 40.0]), st.just("")),
        st.tuples(st.just("share"), st.integers(0, 2), st.just("")),
        st.tuples(st.just("lose"), st.integers(0, 2), st.just("")),
    ),
    max_size=60,
)


class PlainStore:
    """What the store does, by recounting everything."""

    def __init__(self) -> None:
        self.seconds: dict[str, dict[int, int]] = defaultdict(dict)

    def share(self, share: Share, now: float) -> tuple[int, int, list[tuple[int, int]]]:
        kept = self.seconds[share.key]
        for second, count in share.counts:
            kept[second] = kept.get(second, 0) + count
        oldest = int(now) - W + 1
        since = max(share.since, oldest)
        total = sum(count for second, count in kept.items() if second >= oldest)
        return total, since, [(s, count) for s, count in sorted(kept.items()) if s >= since]


def in_window(hits: list[float], now: float) -> int:
    return sum(int(now) - W < int(at) <= int(now) for at in hits)


@settings(max_examples=300, deadline=None)
@given(moves)
def test_three_processes_that_share_count_what_a_plain_list_counts(given_moves: list[tuple[str, float, str]]) -> None:
    now = 1000.0
    windows = [SlidingWindow(W) for _ in range(3)]
    store = PlainStore()
    everyone: dict[str, list[float]] = defaultdict(list)
    own: list[dict[str, list[float]]] = [defaultdict(list) for _ in range(3)]
    for verb, which, key in given_moves:
        if verb == "later":
            now += which
        elif verb == "hit":
            everyone[key].append(now)
            own[int(which)][key].append(now)
            count = windows[int(which)].hit(key, now)
            assert in_window(own[int(which)][key], now) <= count <= in_window(everyone[key], now)
        else:
            window = windows[int(which)]
            for share in window.take(now, 100):
                if verb == "lose":
                    window.put_back(share)
                else:
                    window.settle(share, *store.share(share, now), now)
    for _ in range(2):  # everybody tells, then everybody hears
        for window in windows:
            for key in "abc":
                window.hit(key, now)
                everyone[key].append(now)
            for share in window.take(now, 100):
                window.settle(share, *store.share(share, now), now)
    for window in windows:
        for share in window.take(now, 100):
            window.settle(share, *store.share(share, now), now)
        for later in (0, 0.5, 1, 5, 9, 10, 11):
            assert [window.count(key, now + later) for key in "abc"] == [
                in_window(everyone[key], now + later) for key in "abc"
            ]
        windows[windows.index(window)] = SlidingWindow(W)  # counted down: it must not serve earlier times again


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 30), max_size=40), st.integers(1, 10))
def test_retry_after_is_the_moment_at_which_one_more_request_is_within_the_limit(ages: list[float], limit: int) -> None:
    now, hits = 130.0, sorted(100 + age for age in ages)
    window = SlidingWindow(W)
    for at in hits:
        window.hit("a", at)
    wait = window.frees_in("a", now, limit)
    assert in_window(hits, now + wait) + 1 <= limit
    if wait > 0.001:
        assert in_window(hits, now + wait - 0.01) + 1 > limit


def test_the_key_that_was_quiet_longest_is_forgotten_first() -> None:
    window = SlidingWindow(W, max_keys=2)
    window.hit("a", 1)
    window.hit("b", 1)
    window.hit("a", 2)
    window.hit("c", 2)
    assert (window.count("a", 2), window.count("b", 2), window.count("c", 2)) == (2, 0, 1)
    assert len(window) == 2


def test_what_is_under_way_counts_and_is_not_told_twice() -> None:
    window = SlidingWindow(W)
    window.hit("a", 1)
    (share,) = window.take(1, 10)
    assert window.take(1, 10) == []
    assert window.hit("a", 1) == 2
    window.put_back(share)
    (again,) = window.take(1, 10)
    assert again.counts == [(1, 2)]
    window.settle(again, 2, 0, [(1, 2)], 1)
    assert window.count("a", 1) == 2


def test_counts_that_others_told_late_are_asked_for() -> None:
    window = SlidingWindow(W)
    window.hit("a", 100)
    (share,) = window.take(100, 10)
    window.settle(share, 1, 91, [(100, 1)], 100)
    window.hit("a", 101)
    (share,) = window.take(101, 10)
    assert share.since == 97
    window.settle(share, 7, 97, [(100, 1), (101, 1)], 101)  # five more, in seconds before 97
    (share,) = window.take(101, 10)
    assert share.since == 0
    window.settle(share, 7, 92, [(95, 5), (100, 1), (101, 1)], 101)
    assert window.count("a", 101) == 7
