"""What a rate limit promises, as arithmetic: at most burst + rate * t requests in every span t, whatever its length."""

from bisect import bisect_left
from collections.abc import Iterable
from math import inf


def overrun(admitted: Iterable[tuple[float, float]], rate: float, burst: float) -> float:
    """By how many requests the worst of all spans exceeds burst + rate * t; not above 0 where the limit was kept.

    A request is (sent, arrived): it was admitted somewhere between leaving the client and reaching the downstream, and
    nobody outside can say when exactly. A request with both moments in a span was admitted in that span, however long
    its way took. So there is no tolerance to choose: a slow machine makes the look less sharp, never wrong.
    """
    spans = sorted(admitted)
    arrivals = sorted(arrived for _, arrived in spans)
    # For each end of a span: requests that were sent and arrived in it, less what the rate allows until there.
    least = [-rate * arrived for arrived in arrivals]
    worst = -inf
    for sent, arrived in reversed(spans):  # spans that begin with the last request, the last but one, ...
        for end in range(bisect_left(arrivals, arrived), len(arrivals)):
            least[end] += 1
        worst = max(worst, max(least[bisect_left(arrivals, sent) :]) + rate * sent - burst)
    return worst
