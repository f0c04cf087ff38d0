"""Lua verbs in files: called by their hash, loaded again whenever the server has forgotten them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

LUA = Path(__file__).parent / "lua"
Value = bytes | str | int


class Script:
    """One verb: a `name`.lua in the folder beside this module, or several read as one, the verb last."""

    def __init__(self, *names: str) -> None:
        self.text = b"".join((LUA / f"{name}.lua").read_bytes() for name in names)
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()

    def on(self, keys: Sequence[str], *args: Value) -> "Command":
        return Command(("EVALSHA", self.sha, len(keys), *keys, *args), self)


class Command(NamedTuple):
    words: tuple[Value, ...]
    script: Script | None = None


async def run(valkey: Redis, commands: Sequence[Command]) -> list[Any]:
    """Send all commands in one round trip and return their answers in order.

    An error of one command stands in its place as an exception value, so that it does not cost the others theirs;
    RedisError and OSError are raised when the server can't be reached.
    """
    answers = await _send(valkey, commands)
    forgotten = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if forgotten:
        texts = {script.text for i in forgotten if (script := commands[i].script)}
        await _send(valkey, [Command(("SCRIPT", "LOAD", text)) for text in texts])
        for i, answer in zip(forgotten, await _send(valkey, [commands[i] for i in forgotten]), strict=True):
            answers[i] = answer
    return answers


async def _send(valkey: Redis, commands: Sequence[Command]) -> list[Any]:
    pipeline = valkey.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command.words)
    answers: list[Any] = await pipeline.execute(raise_on_error=False)
    return answers


async def run_one(valkey: Redis, command: Command) -> Any:
    (answer,) = await run(valkey, [command])
    if isinstance(answer, Exception):
        raise answer
    return answer
