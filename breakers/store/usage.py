"""Counts of requests in Valkey: by second for what pages show now, by minute until the database has them.

All keys share one hash tag, so that a process's batch is added whole or not at all, and, told by its number, only once.
A second keeps at most FIELDS_PER_S series, so that many consumers can't fill the memory; a minute keeps all, and
expires. A minute's counts only grow; the mark beside them says that they did, until somebody has written them down.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
import redis
from redis.asyncio import Redis

from .scripts import LUA, Script, Value, run_one

SECONDS_KEPT = 900
MINUTES_KEPT_S = 7200
SENDERS_KEPT_S = 7200
FIELDS_PER_S = 1000
SLACK_S = 120

ADD = Script("usage_add")
SETTLE = (LUA / "usage_settle.lua").read_text()

encode = msgspec.msgpack.Encoder().encode


class Series(NamedTuple):
    """What a request is counted under: consumer and plan by slug, "" for none."""

    consumer: str
    plan: str
    outcome: str


class Batch(msgspec.Struct):
    """What one process has counted since its last batch: by second, over places, by rule and minute; keys last used."""

    number: int
    seconds: dict[int, dict[Series, int]] = {}
    places: dict[tuple[str, str, str], int] = {}  # (stage, route, outcome)
    rules: dict[int, dict[tuple[str, str], int]] = {}  # minute -> (rule, outcome)
    used: dict[str, int] = {}  # id of a key -> second

    @property
    def empty(self) -> bool:
        return not (self.seconds or self.places or self.rules or self.used)


class Keys:
    def __init__(self, prefix: str) -> None:
        self._tag = f"{{{prefix}:usage}}"
        self.batches, self.marks, self.used, self.totals = (
            f"{self._tag}:{name}" for name in ("batches", "marks", "used", "totals")
        )

    def second(self, second: int) -> str:
        return f"{self._tag}:s:{second}"

    def minute(self, minute: int) -> str:
        return f"{self._tag}:m:{minute}"


class UsageStore:
    """What front doors write. Errors of the store reach the caller, who may send the same batch again."""

    def __init__(self, valkey: Redis, prefix: str) -> None:
        self._valkey, self._keys = valkey, Keys(prefix)

    async def add(self, sender: str, batch: Batch, now_s: float) -> bool:
        """False when the batch was added before."""
        minutes: dict[int, dict[str, int]] = {}
        totals: dict[str, int] = {}
        for second, counts in batch.seconds.items():
            minute = minutes.setdefault(second // 60, {})
            for series, count in counts.items():
                for into, field in ((minute, _field("u", *series)), (totals, _field("u", series.plan, series.outcome))):
                    into[field] = into.get(field, 0) + count
        for number, rules in batch.rules.items():
            minutes.setdefault(number, {}).update({_field("r", *rule): count for rule, count in rules.items()})
        totals |= {_field("p", *place): count for place, count in batch.places.items()}
        oldest = int(now_s) - SECONDS_KEPT
        seconds = {second: counts for second, counts in batch.seconds.items() if second > oldest}
        keys = [self._keys.batches, self._keys.marks, self._keys.used, self._keys.totals]
        keys += [self._keys.minute(minute) for minute in minutes]
        keys += [self._keys.second(second) for second in seconds]
        args: tuple[Value, ...] = (
            sender,
            batch.number,
            SENDERS_KEPT_S,
            encode([(minute, MINUTES_KEPT_S, _flat(counts)) for minute, counts in minutes.items()]),
            encode(
                [
                    (second, SECONDS_KEPT + SLACK_S, FIELDS_PER_S, _flat({_field(*s): n for s, n in counts.items()}))
                    for second, counts in seconds.items()
                ]
            ),
            encode(_flat(totals)),
            encode(_flat(batch.used)),
        )
        return bool(await run_one(self._valkey, ADD.on(keys, *args)))


class UsageReading:
    """What tasks, pages and metrics read, and what a task removes once it is written down. Errors reach the caller."""

    def __init__(self, valkey: redis.Redis, prefix: str) -> None:
        self._valkey, self._keys = valkey, Keys(prefix)

    def seconds(self, seconds: Iterable[int]) -> dict[int, dict[Series, int]]:
        """Counts of these seconds; none of a second in which nothing was counted."""
        wanted = list(seconds)
        pipeline = self._valkey.pipeline(transaction=False)
        for second in wanted:
            pipeline.hgetall(self._keys.second(second))
        found = zip(wanted, pipeline.execute(), strict=True)
        return {second: {Series(*_words(f)): int(n) for f, n in fields.items()} for second, fields in found if fields}

    def minute(self, minute: int) -> tuple[dict[Series, int], dict[tuple[str, str], int]]:
        """Counts of one minute: of series, and of (rule, outcome)."""
        series: dict[Series, int] = {}
        rules: dict[tuple[str, str], int] = {}
        for field, count in self._hash(self._keys.minute(minute)).items():
            kind, *words = _words(field)
            if kind == "u":
                series[Series(*words)] = int(count)
            else:
                rules[words[0], words[1]] = int(count)
        return series, rules

    def totals(self) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str, str], int]]:
        """Since ever, as far as the store remembers: by (plan, outcome), and by (stage, route, outcome)."""
        plans: dict[tuple[str, str], int] = {}
        places: dict[tuple[str, str, str], int] = {}
        for field, count in self._hash(self._keys.totals).items():
            kind, *words = _words(field)
            if kind == "u":
                plans[words[0], words[1]] = int(count)
            else:
                places[words[0], words[1], words[2]] = int(count)
        return plans, places

    def marked(self) -> dict[int, bytes]:
        """Minutes whose counts have grown since they were written down, oldest first, each with its mark."""
        return dict(sorted((int(minute), mark) for minute, mark in self._hash(self._keys.marks).items()))

    def used(self) -> dict[str, int]:
        """Keys and the second in which each was last used."""
        return {key.decode(): int(second) for key, second in self._hash(self._keys.used).items()}

    def _hash(self, key: str) -> dict[bytes, bytes]:
        return cast("dict[bytes, bytes]", self._valkey.hgetall(key))

    def settle_minutes(self, marks: Mapping[int, bytes]) -> None:
        """These were written down; one that has grown meanwhile stays marked."""
        self._settle(self._keys.marks, [word for pair in marks.items() for word in pair])

    def settle_used(self, used: Mapping[str, int]) -> None:
        self._settle(self._keys.used, [word for pair in used.items() for word in pair])

    def _settle(self, key: str, words: Sequence[Value]) -> None:
        for start in range(0, len(words), 1000):
            self._valkey.eval(SETTLE, 1, key, *words[start : start + 1000])


def _field(*words: str) -> str:
    return "|".join(words)


def _words(field: bytes) -> list[str]:
    return field.decode().split("|")


def _flat(counts: Mapping[str, int]) -> list[str | int]:
    return [word for pair in counts.items() for word in pair]
