"""Open when the share of failed calls in a window reaches a threshold."""

from .windows import FieldProblem, SlidingWindow, Totals, Window


class FailureRate(SlidingWindow, frozen=True, kw_only=True, tag_field="type", tag="failure_rate"):
    failure_rate_threshold: float = 50

    def window(self) -> Window | None:
        return Window(self.sliding_window_type, self.sliding_window_size, None)

    def verdict(self, totals: Totals) -> str | None:
        if totals.calls < self.minimum_number_of_calls:
            return None
        rate = 100 * totals.failures / totals.calls
        if rate < self.failure_rate_threshold:
            return None
        return f"{rate:.0f} % of {totals.calls} calls failed (threshold {self.failure_rate_threshold:g} %)"

    def problems(self, path: str) -> list[FieldProblem]:
        return self.window_problems(path)

    def sentence(self) -> str:
        return f"when {self.failure_rate_threshold:g} % of {self.over()} fail"
