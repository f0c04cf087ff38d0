"""How an execution ends: the word for it, from what the interpreter says and what has happened on the way.

succeeded            SUCCEEDED, or PARTIAL when an error was caught on the way
a Fail state         FAILED, as the definition wants it
not caught           an error of the infrastructure is put off and tried again, as often as the execution allows;
                     then DEAD. Any other error: FAILED. After a Catch, while things are being put right, both
                     are COMPENSATION_FAILED: nobody must overlook that.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from compositions.asl import errors
from compositions.asl.values import text
from compositions.models.executions import ExecutionStatus

from .claims import Claimed
from .journal import Tally

# What the same call may not meet another time: nothing about it says that the request itself was wrong.
_OUTSIDE: Final = frozenset(
    (
        *(errors.TIMEOUT, errors.HEARTBEAT_TIMEOUT, "States.Http.Socket"),
        *("Breaker.Open", "Contract.Exhausted", "Target.Overloaded", "Store.Unavailable"),
        *("States.Http.StatusCode.408", "States.Http.StatusCode.425", "States.Http.StatusCode.429"),
    )
)
_SERVER_ERROR: Final = "States.Http.StatusCode.5"


class Outcome(msgspec.Struct, frozen=True):
    """`status` None: put it off. `output` is JSON text."""

    status: ExecutionStatus | None
    output: str = ""
    error: str = ""
    cause: str = ""


def judge(ended: Mapping[str, Any], row: Claimed, tally: Tally, *, is_fail_state: bool, is_fault: bool) -> Outcome:
    """`is_fail_state`: the last state was a Fail of the machine itself; `is_fault`: the product or its host failed."""
    if ended["status"] == "SUCCEEDED":
        status = ExecutionStatus.PARTIAL if tally.caught else ExecutionStatus.SUCCEEDED
        return Outcome(status, output=text(ended["output"]))
    error, cause = ended.get("error") or "", ended.get("cause") or ""
    if ended["status"] == "TIMED_OUT":
        return Outcome(ExecutionStatus.TIMED_OUT, error=error, cause=cause)
    if is_fail_state:
        return Outcome(ExecutionStatus.FAILED, error=error, cause=cause)
    is_outside = is_fault or error in _OUTSIDE or error.startswith(_SERVER_ERROR)
    if is_outside and row.park_count < row.most_parks:
        return Outcome(None, error=error, cause=cause)
    if tally.undoing:
        return Outcome(ExecutionStatus.COMPENSATION_FAILED, error=error, cause=cause)
    dead = is_outside and row.most_parks > 0
    return Outcome(ExecutionStatus.DEAD if dead else ExecutionStatus.FAILED, error=error, cause=cause)
