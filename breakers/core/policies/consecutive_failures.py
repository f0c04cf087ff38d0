"""Open after so many failures in a row, in the order in which they reached the store."""

import msgspec

from .windows import FieldProblem, Totals, Window


class ConsecutiveFailures(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="consecutive_failures"):
    threshold: int = 5

    def window(self) -> Window | None:
        return None

    def verdict(self, totals: Totals) -> str | None:
        if totals.streak < self.threshold:
            return None
        return f"{totals.streak} failures in a row (threshold {self.threshold})"

    def problems(self, path: str) -> list[FieldProblem]:
        return []

    def sentence(self) -> str:
        return f"after {self.threshold} failures in a row"
