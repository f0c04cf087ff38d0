"""Notes of runs on their way to the database: one bounded list in Valkey."""

from typing import Any

import msgspec
import redis
from redis.asyncio import Redis

from .notes import Batch

MOST_BATCHES = 5000  # the oldest are dropped while nobody takes them
KEPT_S = 3600

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


def key(prefix: str) -> str:
    return f"{{{prefix}:runs}}:noted"


async def hand_on(valkey: Redis, prefix: str, batch: Batch) -> None:
    """Errors of the store reach the caller, who keeps the batch."""
    pipeline = valkey.pipeline(transaction=False)
    pipeline.rpush(key(prefix), _encode(batch))
    pipeline.ltrim(key(prefix), -MOST_BATCHES, -1)
    pipeline.expire(key(prefix), KEPT_S)
    await pipeline.execute()


def take(valkey: redis.Redis, prefix: str, most: int = 200) -> list[Batch]:
    """Of two who take, each gets his own. What is not of this form is dropped."""
    taken: Any = valkey.lpop(key(prefix), most)
    found = []
    for text in taken or ():
        try:
            found.append(_decode(text))
        except msgspec.DecodeError:
            continue
    return found
