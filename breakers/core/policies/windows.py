"""What a policy reads: a window over the last calls or seconds, and its totals."""

from typing import Literal, NamedTuple

import msgspec

WindowType = Literal["TIME_BASED", "COUNT_BASED"]


class Window(NamedTuple):
    """`size` seconds (TIME_BASED) or calls (COUNT_BASED); calls at or above `slow_ms` count as slow (None: none do)."""

    type: WindowType
    size: int
    slow_ms: int | None


class Totals(NamedTuple):
    """What a window held, and the longest run of failures that reached the store in the same flush."""

    calls: int = 0
    failures: int = 0
    slow: int = 0
    streak: int = 0


class FieldProblem(NamedTuple):
    """A setting that is refused: where (dotted path), a code for machines, and a message with the remedy."""

    path: str
    code: str
    message: str


class SlidingWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that both rate policies share, named as in resilience4j's CircuitBreakerConfig."""

    minimum_number_of_calls: int = 20
    sliding_window_type: WindowType = "TIME_BASED"
    sliding_window_size: int = 30

    def window_problems(self, path: str) -> list[FieldProblem]:
        size, minimum = self.sliding_window_size, self.minimum_number_of_calls
        if self.sliding_window_type == "COUNT_BASED" and minimum > size:
            text = f"A window of {size} calls never holds {minimum}; lower this or raise sliding_window_size."
            return [FieldProblem(f"{path}.minimum_number_of_calls", "unreachable", text)]
        return []

    def over(self) -> str:
        unit = "s" if self.sliding_window_type == "TIME_BASED" else "calls"
        return f"the last {self.sliding_window_size} {unit} (at least {self.minimum_number_of_calls} calls)"
