"""What request rules have done, in Valkey: counts by minute and hour, samples, and which keys matched most.

Written in batches by front doors, read by pages and by the roll-up. Everything expires by itself.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import redis
from redis.asyncio import Redis

from .scripts import Command, run

SAMPLES_KEPT = 100
TOP_KEPT = 200
MINUTES_KEPT_S = 2 * 3600 + 60
HOURS_KEPT_S = 26 * 3600
# Who matched in the last hour is known by steps of so many minutes, in the last day by hours.
STEP_MINUTES = 10
STEPS_KEPT_S = 4500
SAMPLES_KEPT_S = 7 * 86_400
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

OUTCOMES = ("counted", "allowed", "challenged", "passed", "with_pass", "blocked")


class Keys:
    """Names of everything that is stored about one rule."""

    def __init__(self, prefix: str, slug: str) -> None:
        self.tag = f"{{{prefix}:rule:{slug}}}"
        self.samples = f"{self.tag}:samples"

    def minutes(self, hour: int) -> str:
        return f"{self.tag}:minutes:{hour}"

    def hour(self, hour: int) -> str:
        return f"{self.tag}:hour:{hour}"

    def top(self, hour: int) -> str:
        return f"{self.tag}:top:{hour}"

    def lately(self, step: int) -> str:
        return f"{self.tag}:lately:{step}"


class Notes(msgspec.Struct):
    """What one process has to tell about one rule.

    `counts` by (minute since 1970, outcome); `top` by the key that matched; `samples` are JSON texts, newest last.
    """

    slug: str
    counts: dict[tuple[int, str], int] = {}
    top: dict[str, int] = {}
    samples: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.counts or self.samples)


class RuleReading(msgspec.Struct):
    """One rule: what it did in the last five minutes and the last day, by outcome, and who matched most today."""

    last_5_min: dict[str, int] = {}
    last_day: dict[str, int] = {}
    top: list[tuple[str, int]] = []


class LastHour(msgspec.Struct):
    """What one rule did since `since_ms`, at least an hour ago, and with how many keys; `keys` may be too low when
    there are very many.
    """

    since_ms: float
    counts: dict[str, int] = {}
    keys: int = 0
    top: list[tuple[str, int]] = []


class RuleStore:
    def __init__(self, valkey: Redis, prefix: str) -> None:
        self._valkey = valkey
        self._prefix = prefix

    async def note(self, notes: Sequence[Notes]) -> None:
        """Deliver everything in one round trip. Raises RedisError or OSError when nothing can be known of it."""
        commands = [command for one in notes for command in self._commands(one)]
        for answer in await run(self._valkey, commands):
            if isinstance(answer, Exception):
                raise answer

    def _commands(self, notes: Notes) -> Iterable[Command]:
        keys = Keys(self._prefix, notes.slug)
        hours = set()
        for (minute, outcome), count in notes.counts.items():
            hour = minute // 60
            hours.add(hour)
            yield Command(("HINCRBY", keys.minutes(hour), f"{minute}:{outcome}", count))
            yield Command(("HINCRBY", keys.hour(hour), outcome, count))
        for hour in hours:
            yield Command(("EXPIRE", keys.minutes(hour), MINUTES_KEPT_S))
            yield Command(("EXPIRE", keys.hour(hour), HOURS_KEPT_S))
        if hours and notes.top:
            step = max(minute for minute, _ in notes.counts) // STEP_MINUTES
            for ranking, kept_s in ((keys.top(max(hours)), HOURS_KEPT_S), (keys.lately(step), STEPS_KEPT_S)):
                for key, count in notes.top.items():
                    yield Command(("ZINCRBY", ranking, count, key))
                yield Command(("ZREMRANGEBYRANK", ranking, 0, -TOP_KEPT - 1))
                yield Command(("EXPIRE", ranking, kept_s))
        if notes.samples:
            yield Command(("LPUSH", keys.samples, *notes.samples))
            yield Command(("LTRIM", keys.samples, 0, SAMPLES_KEPT - 1))
            yield Command(("EXPIRE", keys.samples, SAMPLES_KEPT_S))


def read_rules(
    valkey: redis.Redis, prefix: str, slugs: Sequence[str], now_ms: float, *, top: int = 0
) -> dict[str, RuleReading]:
    """Every rule in one round trip; `top` says how many of the keys that matched most are wanted.

    Raises RedisError or OSError when the store does not answer.
    """
    hour, minute = int(now_ms // HOUR_MS), int(now_ms // MINUTE_MS)
    pipeline = valkey.pipeline(transaction=False)
    for slug in slugs:
        keys = Keys(prefix, slug)
        for at in (hour - 1, hour):
            pipeline.hgetall(keys.minutes(at))
        for at in range(hour - 23, hour + 1):
            pipeline.hgetall(keys.hour(at))
        for at in range(hour - 23, hour + 1) if top else ():
            pipeline.zrevrange(keys.top(at), 0, max(50, top) - 1, withscores=True)
    answers = iter(pipeline.execute())
    found = {}
    for slug in slugs:
        recent: dict[str, int] = {}
        for _ in range(2):
            for field, count in next(answers).items():
                at, _, outcome = field.decode().partition(":")
                if int(at) > minute - 5:
                    recent[outcome] = recent.get(outcome, 0) + int(count)
        day: dict[str, int] = {}
        for _ in range(24):
            _add(day, next(answers))
        ranking: dict[str, int] = {}
        for _ in range(24 if top else 0):
            _add(ranking, dict(next(answers)))
        found[slug] = RuleReading(recent, day, _best(ranking, top))
    return found


def read_minutes(
    valkey: redis.Redis, prefix: str, slugs: Sequence[str], hours: Sequence[int]
) -> dict[str, dict[tuple[int, str], int]]:
    """Counts by (minute since 1970, outcome) of these hours since 1970; the last two are there."""
    pipeline = valkey.pipeline(transaction=False)
    for slug in slugs:
        for hour in hours:
            pipeline.hgetall(Keys(prefix, slug).minutes(hour))
    answers = iter(pipeline.execute())
    found: dict[str, dict[tuple[int, str], int]] = {}
    for slug in slugs:
        counts = found.setdefault(slug, {})
        for _ in hours:
            for field, count in next(answers).items():
                minute, _, outcome = field.decode().partition(":")
                counts[int(minute), outcome] = int(count)
    return found


def read_last_hour(valkey: redis.Redis, prefix: str, slug: str, now_ms: float, *, top: int) -> LastHour:
    """What the rule did from the step on in which the hour before `now_ms` began. Errors reach the caller."""
    keys = Keys(prefix, slug)
    minute = int(now_ms // MINUTE_MS)
    steps = range((minute - 60) // STEP_MINUTES, minute // STEP_MINUTES + 1)
    first = steps[0] * STEP_MINUTES
    pipeline = valkey.pipeline(transaction=False)
    hours = range(first // 60, minute // 60 + 1)
    for hour in hours:
        pipeline.hgetall(keys.minutes(hour))
    for step in steps:
        pipeline.zrange(keys.lately(step), 0, -1, withscores=True)
    answers = pipeline.execute()
    found = LastHour(first * MINUTE_MS)
    for fields in answers[: len(hours)]:
        for field, count in fields.items():
            at, _, outcome = field.decode().partition(":")
            if int(at) >= first:
                found.counts[outcome] = found.counts.get(outcome, 0) + int(count)
    ranking: dict[str, int] = {}
    for entries in answers[len(hours) :]:
        _add(ranking, dict(entries))
    found.keys = len(ranking)
    found.top = _best(ranking, top)
    return found


def read_samples(valkey: redis.Redis, prefix: str, slug: str) -> list[dict[str, Any]]:
    """The newest requests that the rule matched, newest first."""
    samples: list[dict[str, Any]] = [
        json.loads(text) for text in valkey.lrange(Keys(prefix, slug).samples, 0, SAMPLES_KEPT - 1)
    ]
    # Front doors deliver in batches, so the list is only nearly in order.
    return sorted(samples, key=lambda sample: float(sample["at_ms"]), reverse=True)


def _add(sums: dict[str, int], counts: Mapping[bytes, Any]) -> None:
    for field, count in counts.items():
        name = field.decode(errors="replace")
        sums[name] = sums.get(name, 0) + int(count)


def _best(ranking: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    return sorted(ranking.items(), key=lambda entry: (-entry[1], entry[0]))[:most]
