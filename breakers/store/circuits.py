"""Shared state of circuits: counts by epoch, moves by compare-and-set, trial permits by lease.

The keys of one circuit carry one hash tag, so that a cluster keeps them together. All times are the server's.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from breakers.core.machine import Circuit, Move
from breakers.core.policies import Totals, Window
from breakers.core.states import State

from .scripts import Command, Script, run, run_one

SECONDS_KEPT = 300
FAILURES_KEPT = 20
LOG_KEPT = 500

COUNT, TRAFFIC, MOVE = Script("count"), Script("traffic"), Script("move")
LEASE_PERMIT, SETTLE_PERMIT = Script("lease_permit"), Script("settle_permit")


class Keys:
    """Names of everything that is stored about one circuit."""

    def __init__(self, prefix: str, slug: str) -> None:
        tag = f"{{{prefix}:t:{slug}}}"
        self.circuit, self.window, self.tail = f"{tag}:circuit", f"{tag}:window", f"{tag}:tail"
        self.traffic, self.failures = f"{tag}:traffic", f"{tag}:failures"
        self.permits, self.log, self.round = f"{tag}:permits", f"{tag}:log", f"{tag}:round"


class Counted(NamedTuple):
    """Answer to one flush: `counted` is False when the epoch had passed and the outcomes were dropped."""

    counted: bool
    streak: int
    windows: list[Totals]
    now_ms: float
    circuit: Circuit


class Flush(msgspec.Struct):
    """Everything that one worker has to tell about one circuit, in order.

    `codes` are outcomes of `epoch` (see lua/count.lua); `seconds` are (age in s, counts as in core.counts);
    `failures` are JSON texts for people.
    """

    slug: str
    epoch: int
    codes: bytes
    windows: Sequence[Window]
    slow_marks_ms: Sequence[int]
    seconds: list[tuple[int, list[int]]]
    failures: list[str]


def push_channel(prefix: str) -> str:
    return f"{prefix}:push"


def read_circuit(pairs: Sequence[Any]) -> Circuit:
    """A circuit from the flat field-value list of its hash; an empty hash is a circuit that has never moved."""
    words = [word.decode() if isinstance(word, bytes) else str(word) for word in pairs]
    fields = dict(zip(words[::2], words[1::2], strict=True))

    def number(name: str) -> int:
        return int(fields.get(name) or 0)

    return Circuit(
        state=State(fields.get("state", State.CLOSED)),
        epoch=number("epoch"),
        since_ms=number("since"),
        until_ms=number("until"),
        reason=fields.get("reason", ""),
        openings=number("openings"),
        outage_ms=number("outage"),
        streak=number("streak"),
        passed=number("passed"),
        granted=number("granted"),
    )


class CircuitStore:
    def __init__(self, valkey: Redis, prefix: str) -> None:
        self.valkey = valkey
        self.prefix = prefix
        self.channel = push_channel(prefix)
        self._keys: dict[str, Keys] = {}

    def keys(self, slug: str) -> Keys:
        if slug not in self._keys:
            self._keys[slug] = Keys(self.prefix, slug)
        return self._keys[slug]

    async def flush(self, flushes: Sequence[Flush]) -> dict[str, Counted]:
        """Deliver all flushes in one round trip. Raises RedisError or OSError when nothing can be known of it."""
        commands: list[Command] = []
        slugs: list[str | None] = []
        for flush in flushes:
            keys = self.keys(flush.slug)
            if flush.codes:
                commands.append(self._count(keys, flush))
                slugs.append(flush.slug)
            if flush.seconds:
                packed = msgspec.msgpack.encode(flush.seconds), msgspec.msgpack.encode(flush.failures)
                commands.append(TRAFFIC.on([keys.traffic, keys.failures], *packed, SECONDS_KEPT, FAILURES_KEPT))
                slugs.append(None)
        counted = {}
        for slug, answer in zip(slugs, await run(self.valkey, commands), strict=True):
            if isinstance(answer, Exception):
                raise answer
            if slug is not None:
                counted[slug] = self._counted(answer)
        return counted

    def _count(self, keys: Keys, flush: Flush) -> Command:
        marks = {None: 0} | {mark: index + 1 for index, mark in enumerate(flush.slow_marks_ms)}
        windows = msgspec.msgpack.encode([(w.type, w.size, marks[w.slow_ms]) for w in flush.windows])
        names = [keys.circuit, keys.window, keys.tail]
        return COUNT.on(names, flush.epoch, flush.codes, windows, self.channel, flush.slug)

    @staticmethod
    def _counted(answer: Any) -> Counted:
        counted, streak, totals, seconds, micros, pairs = answer
        windows = [Totals(*entry) for entry in msgspec.msgpack.decode(totals)] if totals else []
        now_ms = int(seconds) * 1000 + int(micros) / 1000
        return Counted(bool(counted), streak, windows, now_ms, read_circuit(pairs))

    async def move(self, slug: str, move: Move) -> Circuit | None:
        """Make a move if the circuit is still in its epoch; None when someone else has moved it."""
        keys = self.keys(slug)
        names = [keys.circuit, keys.window, keys.tail, keys.permits, keys.failures, keys.log]
        args = (move.epoch, move.to, move.reason, move.wait_ms, move.openings, int(move.outage))
        answer = await run_one(self.valkey, MOVE.on(names, *args, self.channel, slug, LOG_KEPT))
        return None if answer is None else read_circuit(answer)

    async def lease_permit(self, slug: str, epoch: int, permit: str, *, permitted: int, lease_ms: int) -> bool:
        keys = self.keys(slug)
        command = LEASE_PERMIT.on([keys.circuit, keys.permits], epoch, permit, permitted, lease_ms)
        return bool(await run_one(self.valkey, command))

    async def settle_permit(self, slug: str, epoch: int, permit: str, verdict: str) -> int | None:
        """`verdict` is passed, failed or returned; gives the successes so far, None when the permit has lapsed."""
        keys = self.keys(slug)
        passed = await run_one(self.valkey, SETTLE_PERMIT.on([keys.circuit, keys.permits], epoch, permit, verdict))
        return None if passed < 0 else int(passed)

    async def lease_round(self, slug: str, owner: str, lease_ms: int) -> bool:
        """Claim the one probe round of a circuit; lapses by itself if the prober dies."""
        return bool(await self.valkey.set(self.keys(slug).round, owner, nx=True, px=lease_ms))

    async def end_round(self, slug: str) -> None:
        await self.valkey.delete(self.keys(slug).round)

    async def read(self, slugs: Iterable[str]) -> tuple[float, dict[str, Circuit]]:
        """The server's time in ms and every named circuit, in one round trip."""
        names = list(slugs)
        commands = [Command(("TIME",)), *(Command(("HGETALL", self.keys(slug).circuit)) for slug in names)]
        (seconds, micros), *hashes = await run(self.valkey, commands)
        circuits = {}
        for slug, answer in zip(names, hashes, strict=True):
            pairs = [word for pair in answer.items() for word in pair] if isinstance(answer, dict) else answer
            circuits[slug] = read_circuit(pairs)
        return int(seconds) * 1000 + int(micros) / 1000, circuits

    async def logged(self, slug: str) -> list[bytes]:
        """Moves that wait to be written to the database, oldest first."""
        entries: list[Any] = await self.valkey.lrange(self.keys(slug).log, 0, -1)
        return entries


def read_push(data: bytes) -> dict[str, Any]:
    """A message of the push channel; a state message's `c` is a flat field-value list (see read_circuit)."""
    message: dict[str, Any] = json.loads(data)
    return message
