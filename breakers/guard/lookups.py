"""The addresses of one host, vetted by the rule before anything connects to them, and kept up to date beside the calls.

Whoever connects uses the vetted addresses themselves, never the name, so no later answer of a resolver can lead a call
elsewhere.
"""

import asyncio
import time

from .addresses import AddressRule
from .errors import AddressRefused
from .faults import WireFailure

LOOK_UP_S = 30.0  # how long the addresses of a name are used before it is looked up again
LOOK_UP_AGAIN_S = 1.0  # how soon at the earliest after a failure


class Lookup:
    """`addresses` is empty until the host has been vetted, and again once it is refused."""

    def __init__(self, slug: str, host: str, rule: AddressRule, *, named: bool) -> None:
        self._slug, self._host, self._rule, self._named = slug, host, rule, named
        self.addresses: tuple[str, ...] = ()
        self.due_at = 0.0  # monotonic
        self._done_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._fault: AddressRefused | WireFailure | None = None

    async def vetted(self) -> tuple[str, ...]:
        """The addresses to connect to. Waits for the first look-up only; raises AddressRefused or WireFailure."""
        if time.monotonic() >= self.due_at:
            self.start()
        if not self.addresses:
            await self.settled()
        if not self.addresses:
            raise self._refusal()
        return self.addresses

    def start(self) -> None:
        """Look the host up beside the calls."""
        if self._task is None:
            self.due_at = float("inf")
            self._task = asyncio.get_running_loop().create_task(self._look_up())

    async def settled(self) -> None:
        """Returns when no look-up is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def failed(self, address: str) -> None:
        """Nobody answers at `address`: try it last, and look the name up again soon."""
        if self._named:
            self.due_at = min(self.due_at, self._done_at + LOOK_UP_AGAIN_S)
            if address in self.addresses:
                self.addresses = (*[each for each in self.addresses if each != address], address)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.addresses, self.due_at = (), float("inf")
        self._fault = WireFailure("connection_lost", "the wire was closed")

    async def _look_up(self) -> None:
        wait_s = LOOK_UP_S if self._named else float("inf")
        try:
            found = await self._rule.resolve(self._host)
            if set(found) != set(self.addresses):  # else keep the order in which they were found to work
                self.addresses = found
        except AddressRefused as refused:
            self.addresses, self._fault = (), refused
        except (OSError, UnicodeError) as error:  # addresses that were vetted before stay in use
            self._fault = WireFailure("connect_error", f"{self._host} was not found: {error}")
            wait_s = LOOK_UP_AGAIN_S
        finally:
            self._done_at = time.monotonic()
            self.due_at = self._done_at + wait_s
            self._task = None

    def _refusal(self) -> AddressRefused | WireFailure:
        """What the last look-up came to, as an exception of its own for each caller."""
        if isinstance(self._fault, AddressRefused):
            return AddressRefused(self._slug, self._fault.reason)
        fault = self._fault or WireFailure("connect_error", f"{self._host} could not be looked up")
        return WireFailure(fault.error, fault.detail, unsent=True)
