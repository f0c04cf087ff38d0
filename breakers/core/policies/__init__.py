"""When a closed circuit opens: one kind a file, one line in this table.

A policy is a frozen value with the window it reads (or None), a verdict on that window's totals (the reason to open,
or None), the settings that could never work, and one sentence for people.
"""

import msgspec

from .consecutive_failures import ConsecutiveFailures
from .failure_rate import FailureRate
from .slow_call_rate import SlowCallRate
from .windows import FieldProblem, Totals, Window

Policy = ConsecutiveFailures | FailureRate | SlowCallRate

POLICIES: dict[str, type[msgspec.Struct]] = {
    "consecutive_failures": ConsecutiveFailures,
    "failure_rate": FailureRate,
    "slow_call_rate": SlowCallRate,
}

__all__ = ["POLICIES", "ConsecutiveFailures", "FieldProblem", "Policy", "Totals", "Window"]
