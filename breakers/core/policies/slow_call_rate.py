"""Open when the share of slow calls in a window reaches a threshold; a call that timed out is slow."""

from .windows import FieldProblem, SlidingWindow, Totals, Window


class SlowCallRate(SlidingWindow, frozen=True, kw_only=True, tag_field="type", tag="slow_call_rate"):
    slow_call_duration_threshold_ms: int = 500
    slow_call_rate_threshold: float = 50

    def window(self) -> Window | None:
        return Window(self.sliding_window_type, self.sliding_window_size, self.slow_call_duration_threshold_ms)

    def verdict(self, totals: Totals) -> str | None:
        if totals.calls < self.minimum_number_of_calls:
            return None
        rate = 100 * totals.slow / totals.calls
        if rate < self.slow_call_rate_threshold:
            return None
        return (
            f"{rate:.0f} % of {totals.calls} calls took {self.slow_call_duration_threshold_ms} ms or longer"
            f" (threshold {self.slow_call_rate_threshold:g} %)"
        )

    def problems(self, path: str) -> list[FieldProblem]:
        return self.window_problems(path)

    def sentence(self) -> str:
        share, duration = self.slow_call_rate_threshold, self.slow_call_duration_threshold_ms
        return f"when {share:g} % of {self.over()} take {duration} ms or longer"
