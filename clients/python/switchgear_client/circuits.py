"""One circuit as a caller sees it: whether calls may be made, and what became of those that were."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Document = dict[str, Any]

MOST_WAITING = 10_000  # outcomes of one circuit; of more, the oldest say least about now


class CircuitOpen(Exception):
    """No calls may be made. `retry_after_s` says when asking again may help."""

    def __init__(self, target: str, reason: str, retry_after_s: float, state: str) -> None:
        super().__init__(f"{target}: {state}, {reason or 'no reason given'}")
        self.target, self.reason, self.retry_after_s, self.state = target, reason, retry_after_s, state


class Gear(Protocol):
    """What a circuit needs of the Switchgear that it belongs to."""

    trust_s: float
    when_unknown: str
    first_wait_s: float
    outcome_of: Callable[[BaseException], int | str]

    def wake(self) -> None: ...
    def permit(self, target: str) -> str | None: ...


class Circuit:
    """Made by `Switchgear.circuit`. Safe to use from many threads and tasks."""

    def __init__(self, gear: Gear, target: str) -> None:
        self._gear = gear
        self.target = target
        self.state: Document | None = None
        self.etag = ""
        self.heard_at = 0.0  # monotonic
        self.due_at = 0.0  # when to ask again
        self.known = threading.Event()
        self.waiting: deque[Document] = deque(maxlen=MOST_WAITING)
        self.batch: Document | None = None  # what was sent and not confirmed

    @property
    def timeout_s(self) -> float:
        """How long the target's own time-out is, as far as is known."""
        return float((self.state or {}).get("timeout_ms", 2000)) / 1000

    def may_call(self) -> bool:
        """What the front door said last; when that is too long ago, as `when_unknown` says."""
        state = self.state
        if state is None or time.monotonic() - self.heard_at > self._gear.trust_s:
            return self._gear.when_unknown == "call"
        return bool(state["may_call"])

    def call(self, *, trial: bool = False) -> Call:
        """`with circuit.call() as call:` or `async with …`. Raises CircuitOpen on entering."""
        return Call(self, trial=trial)

    def guard(self, function: F) -> F:
        """A decorator of functions and coroutine functions: each call of them is a call of the circuit."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                async with self.call() as call:
                    call.status = _status_of(found := await function(*args, **kwargs))
                    return found

            return guarded_async  # type: ignore[return-value]

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self.call() as call:
                call.status = _status_of(found := function(*args, **kwargs))
                return found

        return guarded  # type: ignore[return-value]

    def tell(self, said: int | str, latency_ms: float, permit: str | None = None) -> None:
        """Report a call: a status or the name of an outcome."""
        report: Document = {"latency_ms": round(latency_ms, 3), "at": datetime.now(UTC).isoformat()}
        report["status" if isinstance(said, int) else "outcome"] = said
        if permit is not None:
            report["permit"] = permit
        self.waiting.append(report)
        if said != "success" and not (isinstance(said, int) and said < 400):
            self._gear.wake()  # failures must not wait

    def refusal(self) -> CircuitOpen:
        state = self.state or {}
        since = time.monotonic() - self.heard_at
        left = max(1.0, (state.get("retry_after_s") or 1.0) - since)
        return CircuitOpen(self.target, state.get("reason", ""), left, state.get("effective_state", "unknown"))

    def permit(self) -> str | None:
        return self._gear.permit(self.target)

    def first(self) -> None:
        """Wait for the first word about this circuit, but not for long."""
        self._gear.wake()
        self.known.wait(self._gear.first_wait_s)

    def judged(self, error: BaseException) -> int | str:
        return self._gear.outcome_of(error)


class Call:
    """One call. Set `status` (HTTP) or `outcome` inside; an exception is judged by itself."""

    def __init__(self, circuit: Circuit, *, trial: bool) -> None:
        self._circuit, self._trial = circuit, trial
        self._permit: str | None = None
        self._began = 0.0
        self.status: int | None = None
        self.outcome: str | None = None

    def __enter__(self) -> Call:
        if not self._circuit.known.is_set():
            self._circuit.first()
        if not self._circuit.may_call():
            self._permit = self._circuit.permit() if self._trial else None
            if self._permit is None:
                raise self._circuit.refusal()
        self._began = time.perf_counter()
        return self

    async def __aenter__(self) -> Call:
        if self._circuit.known.is_set() and (self._circuit.may_call() or not self._trial):
            return self.__enter__()
        return await asyncio.to_thread(self.__enter__)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        latency_ms = (time.perf_counter() - self._began) * 1000
        said: int | str
        if self.outcome is not None:
            said = self.outcome
        elif self.status is not None:
            said = self.status
        else:
            said = "success" if error is None else self._circuit.judged(error)
        self._circuit.tell(said, latency_ms, self._permit)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)


def _status_of(answer: Any) -> int | None:
    """requests and httpx say `status_code`, aiohttp and urllib `status`."""
    found = getattr(answer, "status_code", None) or getattr(answer, "status", None)
    return found if isinstance(found, int) else None
