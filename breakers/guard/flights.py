"""Calls whose answer several callers wait for: one fetches, the others get that, as far as it may be shared."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from .errors import GuardError
from .messages import Answer

PASS_S = 10.0  # how long callers do not wait for each other after an answer that could not be shared
MOST_REMEMBERED = 4096


class _Flight:
    """`done` gives the answer, an error to share, or None: call yourself."""

    __slots__ = ("done", "kept", "outdated")

    def __init__(self) -> None:
        self.done: asyncio.Future[Answer | GuardError | None] = asyncio.get_running_loop().create_future()
        self.kept = self.outdated = False


class Flights:
    """By key: the same text for requests that may share an answer."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}
        self._passes = Memory(PASS_S)

    def __bool__(self) -> bool:
        return bool(self._flights)

    def kept(self, key: str) -> None:
        """The answer that is being fetched was kept, so it may be shared."""
        if self._flights and (flight := self._flights.get(key)) is not None:
            flight.kept = True
        self._passes.discard(key)

    def outdated(self, key: str) -> None:
        """A purge came while the answer was fetched: it is for nobody else, but the next one may be shared."""
        if (flight := self._flights.get(key)) is not None:
            flight.outdated = True

    async def once(self, key: str, fetch: Callable[[], Awaitable[Answer]]) -> Answer:
        """Let concurrent callers with the same key wait for one `fetch`, as far as its answer may be shared.

        An answer that was not kept belongs to the caller that fetched it; the others then fetch for themselves. If
        that caller is cancelled, one of the others takes over. Refusals and failures are shared.
        """
        while (flight := self._flights.get(key)) is not None:
            if key in self._passes:
                return await fetch()
            # The waiting of one caller may be cancelled, the call that all wait for not.
            outcome = await asyncio.shield(flight.done)
            if isinstance(outcome, GuardError):
                raise outcome
            if outcome is not None:
                return msgspec.structs.replace(outcome, headers=list(outcome.headers))
        if key in self._passes:
            return await fetch()
        return await self._lead(key, fetch)

    async def _lead(self, key: str, fetch: Callable[[], Awaitable[Answer]]) -> Answer:
        flight = self._flights[key] = _Flight()
        try:
            answer = await fetch()
            if flight.kept or answer.source != "live":
                flight.done.set_result(answer)
            elif not flight.outdated:
                self._passes.add(key)
            return answer
        except GuardError as error:
            flight.done.set_result(error)
            raise
        finally:
            del self._flights[key]
            if not flight.done.done():
                flight.done.set_result(None)


class Memory:
    """Keys that were added in the last `seconds`, at most 4096 of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def add(self, key: str) -> None:
        self._until.pop(key, None)
        self._until[key] = time.monotonic() + self._seconds
        if len(self._until) > MOST_REMEMBERED:
            del self._until[next(iter(self._until))]

    def discard(self, key: str) -> None:
        self._until.pop(key, None)

    def __contains__(self, key: str) -> bool:
        until = self._until.get(key)
        return until is not None and time.monotonic() < until
