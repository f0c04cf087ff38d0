"""The six ways a practice service can behave, and the reading of what an operator asks for."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

from compositions.practice_range.wire import Answer, Silence, problem

MAX_DELAY_MS = 60_000
JITTER = 0.2
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class Setting:
    """What a service was told to do. `delay_ms` is for slow; `share` (percent of requests) for all but refuse."""

    behaviour: str = "healthy"
    delay_ms: int = 800
    share: int = 100

    def document(self) -> dict[str, Any]:
        return asdict(self)


class BadSetting(ValueError):
    """The request for a behaviour cannot be read; `problems` names each field with what to send instead."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__(" ".join(entry["message"] for entry in problems))
        self.problems = problems


Work = Callable[[], Answer]


async def _healthy(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    return work()


async def _slow(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    # The work is done first: a client that gives up waiting for a charge has been charged, as in real life.
    answer = work()
    await asyncio.sleep(setting.delay_ms / 1000 * random.uniform(1 - JITTER, 1 + JITTER))
    return answer


async def _errors_500(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    return problem(500, "This practice service was told to fail.")


async def _throttle_429(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    return problem(429, "This practice service was told to throttle.", retry_after=str(RETRY_AFTER_S))


async def _hang(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    raise Silence(until=switched)


@dataclass(frozen=True)
class Behaviour:
    """A line of the table: its button, what it does in plain words, and how a request is answered under it."""

    label: str
    says: str
    act: Callable[[Setting, Work, asyncio.Event], Awaitable[Answer]]
    closes_port: bool = False


BEHAVIOURS: dict[str, Behaviour] = {
    "healthy": Behaviour("Healthy", "answers at once", _healthy),
    "slow": Behaviour("Slow", "answers correctly, but {delay_ms} ms late", _slow),
    "errors_500": Behaviour("Errors", "answers 500", _errors_500),
    "throttle_429": Behaviour("Throttle", f"answers 429, try again in {RETRY_AFTER_S} s", _throttle_429),
    "hang": Behaviour("Hang", "accepts the request and never answers", _hang),
    # Nothing is acted on while the port is closed; a request that slipped in before the close is dropped with it.
    "refuse": Behaviour("Refuse", "refuses connections, the port is closed", _hang, closes_port=True),
}


def in_plain_words(setting: Setting) -> str:
    says = BEHAVIOURS[setting.behaviour].says.format(delay_ms=setting.delay_ms)
    partial = setting.share < 100 and setting.behaviour not in ("healthy", "refuse")
    return f"{says}, for {setting.share} % of requests" if partial else says


async def act(setting: Setting, work: Work, switched: asyncio.Event) -> Answer:
    """Answer one request as `setting` says; `share` draws for each request whether the behaviour applies to it."""
    applies = BEHAVIOURS[setting.behaviour].closes_port or random.uniform(0, 100) < setting.share
    behaviour = BEHAVIOURS[setting.behaviour] if applies else BEHAVIOURS["healthy"]
    return await behaviour.act(setting, work, switched)


EXAMPLE = '{"behaviour": "slow", "delay_ms": 800, "share": 100}'


def read_setting(body: bytes) -> Setting:
    """Read a body of JSON, or of form fields as a plain `curl -d behaviour=refuse` sends them."""
    return parse(_fields(body))


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        raise BadSetting([_problem("", "unreadable", f"The body is not UTF-8 text. Send {EXAMPLE}")]) from None
    if text and text[0] not in '{["' and "=" in text:
        return {name: _number(value) for name, value in parse_qsl(text)}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadSetting([_problem("", "unreadable", f"The body is not JSON. Send {EXAMPLE}")]) from None
    if not isinstance(document, dict):
        raise BadSetting([_problem("", "not_an_object", f"The body is not a JSON object. Send {EXAMPLE}")])
    return document


def _number(value: str) -> int | str:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else value


def parse(fields: Mapping[str, Any]) -> Setting:
    problems = [
        _problem(name, "unknown_field", f"{name!r} is not a field. Send only behaviour, delay_ms and share.")
        for name in fields
        if name not in ("behaviour", "delay_ms", "share")
    ]
    behaviour = fields.get("behaviour")
    if not isinstance(behaviour, str) or behaviour not in BEHAVIOURS:
        known = ", ".join(BEHAVIOURS)
        code = "unknown_behaviour" if "behaviour" in fields else "required"
        problems.append(_problem("behaviour", code, f"Send behaviour as one of: {known}."))
    delay_ms = fields.get("delay_ms", Setting.delay_ms)
    if not _is_whole(delay_ms, 0, MAX_DELAY_MS):
        message = f"Send delay_ms as a whole number of milliseconds from 0 to {MAX_DELAY_MS}, or leave it out."
        problems.append(_problem("delay_ms", "out_of_range", message))
    share = fields.get("share", Setting.share)
    if not _is_whole(share, 1, 100):
        message = "Send share as a whole number of percent from 1 to 100, or leave it out."
        problems.append(_problem("share", "out_of_range", message))
    if problems:
        raise BadSetting(problems)
    return Setting(str(behaviour), delay_ms, share)


def _is_whole(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _problem(path: str, code: str, message: str) -> dict[str, str]:
    return {"path": path, "code": code, "message": message}
