"""Counting requests over a sliding window, by the second, in one of several processes that count the same keys.

A window of W seconds at time t holds the seconds t-W+1 … t (whole seconds of the store's clock), so it slides by the
second. What this process has counted and not yet told is `own`; what the store has told, its own past counts included,
is `fleet`. The number of requests in the window is the sum of both.

AWS WAF's rate-based rules know the same windows; "AWS WAF checks the rate at regular intervals", here it is known with
every request, and at most one exchange behind what other processes count.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec

Second = int
Counts = list[tuple[Second, int]]

# Seconds that other processes may still add to: they are asked for again.
LATE_S = 3
# A key used within so many seconds is kept in step with what others count.
LATELY_S = 2


class Tally:
    """Counts by second with their sum; seconds that have left the window are dropped when it is asked."""

    __slots__ = ("seconds", "total")

    def __init__(self) -> None:
        self.seconds: deque[list[int]] = deque()
        self.total = 0

    def add(self, second: Second, count: int) -> None:
        self.total += count
        seconds = self.seconds
        last = seconds[-1] if seconds else None
        if last is not None and last[0] == second:
            last[1] += count
        elif last is None or last[0] < second:
            seconds.append([second, count])
        else:
            self._put(second, count)

    def _put(self, second: Second, count: int) -> None:
        """Add to a second that is not the last: seldom, and near the end."""
        later = []
        while self.seconds and self.seconds[-1][0] > second:
            later.append(self.seconds.pop())
        if self.seconds and self.seconds[-1][0] == second:
            self.seconds[-1][1] += count
        else:
            self.seconds.append([second, count])
        self.seconds.extend(reversed(later))

    def drop(self, horizon: Second) -> None:
        """Forget everything up to and with the second `horizon`."""
        seconds = self.seconds
        while seconds and seconds[0][0] <= horizon:
            self.total -= seconds.popleft()[1]

    def replace(self, since: Second, counts: Iterable[tuple[Second, int]]) -> None:
        """From `since` on, the counts are these."""
        while self.seconds and self.seconds[-1][0] >= since:
            self.total -= self.seconds.pop()[1]
        for second, count in counts:
            self.add(second, count)


class Entry:
    """One key: what the fleet has counted, what is on its way to the store, and what is still to be told."""

    __slots__ = ("fleet", "own", "sent", "since", "used")

    def __init__(self) -> None:
        self.fleet, self.own = Tally(), Tally()
        self.sent: Tally | None = None
        self.since = 0
        self.used = 0


class Share(msgspec.Struct, frozen=True):
    """What one process tells about one key, and from which second on it wants to know the fleet's counts."""

    key: str
    since: Second
    counts: Counts


class SlidingWindow:
    """Requests of many keys over the last `window_s` seconds; times are seconds of the store's clock, never reversed.

    At most `max_keys` keys are kept; the one that was quiet longest is forgotten first, with what it had not told.
    """

    def __init__(self, window_s: int, *, max_keys: int = 10_000) -> None:
        self.window_s = window_s
        self.max_keys = max_keys
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._stirred: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def hit(self, key: str, now: float) -> int:
        """Count one request, and return how many the window holds with it."""
        second = int(now)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry()
            if len(self._entries) > self.max_keys:
                forgotten, _ = self._entries.popitem(last=False)
                self._stirred.pop(forgotten, None)
        elif entry.used == second:  # nothing can have left the window since
            entry.own.add(second, 1)
            self._stirred[key] = entry
            sent = entry.sent
            return entry.fleet.total + entry.own.total + (0 if sent is None else sent.total)
        else:
            self._entries.move_to_end(key)
        entry.used = second
        entry.own.add(second, 1)
        self._stirred[key] = entry
        return self._count(entry, second)

    def count(self, key: str, now: float) -> int:
        """How many requests of the key the window holds."""
        entry = self._entries.get(key)
        return 0 if entry is None else self._count(entry, int(now))

    def frees_in(self, key: str, now: float, limit: int) -> float:
        """Seconds until one more request would be within `limit`, if none comes before; at least a fraction of one."""
        entry = self._entries.get(key)
        if entry is None:
            return 0.0
        excess = self._count(entry, int(now)) - limit + 1
        if excess <= 0:
            return 0.0
        tallies = [entry.fleet, entry.own, *([entry.sent] if entry.sent is not None else [])]
        for second, count in sorted((s, c) for tally in tallies for s, c in tally.seconds):
            excess -= count
            if excess <= 0:
                return max(0.001, second + self.window_s - now)
        return float(self.window_s)

    def _count(self, entry: Entry, second: Second) -> int:
        horizon = second - self.window_s
        entry.fleet.drop(horizon)
        entry.own.drop(horizon)
        total = entry.fleet.total + entry.own.total
        if entry.sent is not None:
            entry.sent.drop(horizon)
            total += entry.sent.total
        return total

    # Sharing ----------------------------------------------------------------------------------------------------------

    def take(self, now: float, most: int) -> list[Share]:
        """What to tell the store, at most so many keys: those with counts it does not know, longest waiting first, then
        those used lately, to hear what others have counted.

        What was taken still counts until it is settled or put back; a key has one share under way at a time.
        """
        taken = {key: entry for key, entry in islice(self._stirred.items(), most) if entry.sent is None}
        for key in taken:
            del self._stirred[key]
        for key, entry in reversed(self._entries.items()):
            if entry.used < int(now) - LATELY_S or len(taken) >= most:
                break
            if entry.sent is None:
                taken.setdefault(key, entry)
        return [self._share(key, entry, int(now)) for key, entry in taken.items()]

    def _share(self, key: str, entry: Entry, second: Second) -> Share:
        entry.own.drop(second - self.window_s)
        entry.sent, entry.own = entry.own, Tally()
        return Share(key, entry.since, [(at, count) for at, count in entry.sent.seconds])

    def settle(self, share: Share, total: int, since: Second, counts: Sequence[tuple[Second, int]], now: float) -> None:
        """The store has added the share; the fleet's counts from `since` on are these, and `total` in the window."""
        entry = self._entries.get(share.key)
        if entry is None or entry.sent is None:
            return
        entry.sent = None
        entry.fleet.replace(since, counts)
        entry.fleet.drop(int(now) - self.window_s)
        # Somebody who was cut off has told of older seconds, or the store has forgotten: ask for everything next.
        entry.since = int(now) - LATE_S if entry.fleet.total == total else 0

    def put_back(self, share: Share) -> None:
        """The share did not arrive: it is told again with what came since."""
        entry = self._entries.get(share.key)
        if entry is None or entry.sent is None:
            return
        later, entry.own, entry.sent = entry.own, entry.sent, None
        for second, count in later.seconds:
            entry.own.add(second, count)
        self._stirred[share.key] = entry
