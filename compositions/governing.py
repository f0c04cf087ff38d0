"""How fast a pipe that has been started again may work its backlog off; pure, time is a parameter.

The rate ramps from `start_per_s` to a ceiling over `ramp_s`. The ceiling is `max_per_s` or what the contracts of the
targets allow, whichever is lower; where there is neither, the rate doubles eight times over the ramp and is free then.
Renewed failures pause the drain, longer each time, and it goes on at half the rate: as TCP meets congestion.
"""

import math

import msgspec

PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
DOUBLINGS = 8
# Unused allowance is kept for at most this long: a pipe that had nothing to do must not start everything at once.
KEPT_S = 1.0


class Drain(msgspec.Struct, frozen=True):
    start_per_s: float = 1.0
    ramp_s: float = 60.0
    max_per_s: float | None = None


class Governor:
    """One pipe's allowance. `contracts_per_s` is what the contracts leave, None without any."""

    def __init__(self, drain: Drain, contracts_per_s: float | None = None) -> None:
        self.drain = drain
        self.contracts_per_s = contracts_per_s
        self.paused_until_s = 0.0
        self._began_s: float | None = None
        self._allowed = 0.0
        self._at_s = 0.0
        self._pause_s = PAUSE_S

    # What the dispatcher tells and asks -------------------------------------------------------------------------------

    def restart(self, now_s: float) -> None:
        """The pipe has just been started again: the ramp begins, and with it the first intent."""
        self._began_s, self._at_s, self._allowed = now_s, now_s, 1.0
        self.paused_until_s, self._pause_s = 0.0, PAUSE_S

    def drained(self) -> None:
        """Nothing waits any more: what comes now is the normal flow, which only the ceiling bounds."""
        self._began_s, self._pause_s = None, PAUSE_S

    def failed(self, now_s: float) -> None:
        """Work fails again: pause, and go on at half of the present rate."""
        if now_s < self.paused_until_s:
            return
        slower = (self.rate(now_s) or self._free()) / 2
        self.paused_until_s = now_s + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._began_s = self.paused_until_s - self._reached_after(slower)
        self._allowed, self._at_s = 0.0, self.paused_until_s

    def allowance(self, now_s: float) -> float:
        """How many intents may be started now; infinite where nothing bounds it."""
        if now_s < self.paused_until_s:
            return 0
        rate = self.rate(now_s)
        if rate is None:
            self._at_s = now_s
            return math.inf
        self._allowed = min(self._allowed + rate * max(0.0, now_s - self._at_s), max(1.0, rate * KEPT_S))
        self._at_s = now_s
        return math.floor(self._allowed)

    def spend(self, started: int) -> None:
        self._allowed = max(0.0, self._allowed - started)

    # What it knows ----------------------------------------------------------------------------------------------------

    @property
    def ceiling(self) -> float | None:
        bounds = [bound for bound in (self.drain.max_per_s, self.contracts_per_s) if bound is not None]
        return min(bounds) if bounds else None

    @property
    def draining(self) -> bool:
        return self._began_s is not None

    def rate(self, now_s: float) -> float | None:
        """Intents a second now, or None where nothing bounds them."""
        return self.ceiling if self._began_s is None else self._rate_after(now_s - self._began_s)

    def eta_s(self, now_s: float, waiting: int, *, observed_per_s: float | None = None) -> float:
        """Seconds until `waiting` intents will have been started.

        `observed_per_s` is how fast they end while as many as are permitted are under way: then that is the bound.
        """
        if waiting <= 0:
            return 0.0
        pause = max(0.0, self.paused_until_s - now_s)
        since = None if self._began_s is None else max(0.0, now_s + pause - self._began_s)
        governed = pause + self._time_for(waiting, since)
        return max(governed, waiting / observed_per_s) if observed_per_s else governed

    def eta_after_restart_s(self, waiting: int) -> float:
        """The same for a pipe that stands still: from the moment at which it is started."""
        return self._time_for(waiting, 0.0) if waiting > 0 else 0.0

    # The ramp ---------------------------------------------------------------------------------------------------------

    def _begin(self) -> float:
        start = self.drain.start_per_s
        return start if self.ceiling is None else min(start, self.ceiling)

    def _free(self) -> float:
        """The rate at which a ramp without ceiling ends."""
        return self.drain.start_per_s * float(2**DOUBLINGS)

    def _rate_after(self, elapsed_s: float) -> float | None:
        ramp, ceiling = self.drain.ramp_s, self.ceiling
        if elapsed_s >= ramp:
            return ceiling
        part = max(0.0, elapsed_s) / ramp
        if ceiling is None:
            return self._begin() * math.exp2(DOUBLINGS * part)
        return self._begin() + (ceiling - self._begin()) * part

    def _reached_after(self, rate: float) -> float:
        """When in the ramp the rate is reached; 0 for one below its beginning."""
        begin, ceiling, ramp = self._begin(), self.ceiling, self.drain.ramp_s
        if rate <= begin:
            return 0.0
        if ceiling is None:
            return min(ramp, ramp * math.log2(rate / begin) / DOUBLINGS)
        return min(ramp, ramp * (rate - begin) / (ceiling - begin))

    def _time_for(self, waiting: int, since: float | None) -> float:
        """Seconds for so many, `since` seconds into the ramp (None: past it)."""
        ceiling, ramp = self.ceiling, self.drain.ramp_s
        left = 0.0 if since is None else max(0.0, ramp - since)
        begin = self._rate_after(since) if since is not None and left else None
        if begin is not None and left:
            within = self._within(waiting, begin, left)
            if within is not None:
                return within
            waiting_after = waiting - self._ramped(begin, left)
            return left + (waiting_after / ceiling if ceiling else 0.0)
        return waiting / ceiling if ceiling else 0.0

    def _ramped(self, begin: float, left: float) -> float:
        """How many the rest of the ramp starts."""
        if self.ceiling is None:
            steep = DOUBLINGS * math.log(2) / self.drain.ramp_s
            return begin * (math.exp(steep * left) - 1) / steep
        return (begin + self.ceiling) / 2 * left

    def _within(self, waiting: int, begin: float, left: float) -> float | None:
        """The time if the rest of the ramp suffices, else None."""
        if waiting > self._ramped(begin, left):
            return None
        if self.ceiling is None:
            steep = DOUBLINGS * math.log(2) / self.drain.ramp_s
            return math.log(1 + waiting * steep / begin) / steep
        slope = (self.ceiling - begin) / left
        if slope <= 0:
            return waiting / begin
        return (math.sqrt(begin * begin + 2 * slope * waiting) - begin) / slope
