"""A run that failed, as the problem that its client is told, with the status that fits what happened."""

from typing import Any, Final

from compositions.engine.express import Run
from compositions.errors import RunError, RunFailed, RunRefused, RunTimedOut
from compositions.resources.context import Met
from compositions.resources.http_invoke import CANCELLED

_REFUSALS: Final = frozenset(
    ("Breaker.Open", "Contract.Exhausted", "Target.Overloaded", "Store.Unavailable", "Answer.TooOld")
)
_TIMEOUTS: Final = frozenset(("States.Timeout", "States.HeartbeatTimeout"))
# Errors whose cause may hold what a downstream sent, or what travels inside the run.
_OWN: Final = ("States.", "Answer.", "Target.", "Breaker.", "Contract.", "Store.")


def problem_of(run: Run) -> RunError:
    failed = [met for met in run.met if met.error is not None]
    by = _blamed(run, failed)
    kind = RunTimedOut if run.status == "TIMED_OUT" else _kind(run.error, by)
    told: dict[str, Any] = {"composition": run.composition, "error": run.error}
    cause = _cause(run)
    if cause:
        told["cause"] = cause
    if by is not None:
        told["target"] = by.target
    if failed:
        told["targets"] = [{"target": met.target, "error": met.error} for met in failed]
    retry_after_s = None
    if kind is RunRefused:
        retry_after_s = max((met.retry_after_s or 1.0 for met in failed), default=1.0)
    return kind(_sentence(run, by), retry_after_s=retry_after_s, **told)


def _blamed(run: Run, failed: list[Met]) -> Met | None:
    """The call that brought the run down: the last with the run's error, else the last that failed at all."""
    own = [met for met in failed if met.error == run.error]
    waited = [met for met in failed if met.error == CANCELLED] if run.status == "TIMED_OUT" else []
    others = [met for met in failed if met.error != CANCELLED]
    return next((calls[-1] for calls in (own, waited, others) if calls), None)


def _kind(error: str | None, by: Met | None) -> type[RunError]:
    for name in (error, by.error if by is not None else None):
        if name in _REFUSALS:
            return RunRefused
        if name in _TIMEOUTS:
            return RunTimedOut
    return RunFailed


def _sentence(run: Run, by: Met | None) -> str:
    ended = "timed out" if run.status == "TIMED_OUT" else "failed"
    sentence = f"Composition {run.composition} {ended}"
    if run.error:
        sentence += f" with {run.error}"
    if by is not None:
        sentence += f"; target {by.target}"
        sentence += f" answered {by.status}" if by.status is not None and by.status >= 400 else f": {by.error}"
    return f"{sentence}."


def _cause(run: Run) -> str | None:
    if run.status == "TIMED_OUT":
        return run.cause
    if run.error is not None and run.error.startswith(_OWN):
        return None
    return run.cause
