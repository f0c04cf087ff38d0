"""What can go wrong in a run, named as the States Language names it.

    StatesError              an error that a state raised: a name, a cause, and how Retry and Catch see it
    InvalidDefinition        the definition cannot be compiled (a ValueError: a fault of the author, before any run)
    Unserved                 a port does not offer what is asked of it

Which names Catch and Retry may take (States Language, "Errors"; Step Functions, "Handling errors"):

- `States.Runtime` is never retried and never caught, even by its own name.
- `States.ALL` takes everything else, except what is `final` (a state's own output over the payload limit).
- `States.TaskFailed` takes everything but `States.Timeout`.
- A heartbeat that stops is reported as `States.Timeout` and answers to `States.HeartbeatTimeout` as well; a branch's
  failure keeps its own name and answers to `States.BranchFailed` as well.
"""

from collections.abc import Iterable
from typing import Any, Final

ALL: Final = "States.ALL"
BRANCH_FAILED: Final = "States.BranchFailed"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
INTRINSIC_FAILURE: Final = "States.IntrinsicFailure"
ITEM_READER_FAILED: Final = "States.ItemReaderFailed"
NO_CHOICE_MATCHED: Final = "States.NoChoiceMatched"
PARAMETER_PATH_FAILURE: Final = "States.ParameterPathFailure"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
REFERENCE_PATH_CONFLICT: Final = "States.ReferencePathConflict"
RESULT_PATH_MATCH_FAILURE: Final = "States.ResultPathMatchFailure"
RESULT_WRITER_FAILED: Final = "States.ResultWriterFailed"
RUNTIME: Final = "States.Runtime"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"


class InvalidDefinition(ValueError):
    """The definition is not a machine that can run; `path` says where, the message what."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class Unserved(Exception):
    """The port does not offer this; the message says what is missing."""


class StatesError(Exception):
    """An error of a run.

    `error` is None for a Fail state without Error; `told` means that the cause already says where it happened (or came
    from a task or a Fail state, whose words are not touched); `also` are further names that ErrorEquals may use.
    """

    __slots__ = ("also", "cause", "error", "final", "told")

    def __init__(
        self,
        error: str | None,
        cause: str | None = None,
        *,
        told: bool = False,
        also: Iterable[str] = (),
        final: bool = False,
    ) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.told = told
        self.also = tuple(also)
        self.final = final

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}" if self.cause else str(self.error)

    def at(self, state: str, event: int) -> "StatesError":
        """The same error with the place in front of its cause, once, as AWS words it."""
        if not self.told and self.cause is not None:
            place = f"the state '{state}' (entered at the event id #{event})"
            self.cause = f"An error occurred while executing {place}. {self.cause}"
        self.told = True
        return self

    def output(self) -> dict[str, Any]:
        """The error output that Catch works with."""
        return {
            "Error": self.error if self.error is not None else "",
            "Cause": self.cause if self.cause is not None else "",
        }

    def answers_to(self, names: tuple[str, ...]) -> bool:
        """Whether an ErrorEquals list takes this error."""
        if self.error == RUNTIME:
            return False
        for name in names:
            if name == self.error or name in self.also:
                return True
            if name == TASK_FAILED and self.error != TIMEOUT:
                return True
            if name == ALL and not self.final:
                return True
        return False


def runtime(cause: str) -> StatesError:
    return StatesError(RUNTIME, cause)
