"""Names that a durable execution gives: its own id, its children's, and the key that makes a call safe to repeat."""

import hashlib
import secrets
import threading
import time

from compositions.asl.ports import Key, Place
from compositions.asl.values import text

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ACCOUNT = "arn:aws:states:us-east-1:000000000000"


_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """26 characters that sort by time: 48 bits of milliseconds, then 80 random bits (as a ULID, in lower case).

    It is greater than every one that this process has made before.
    """
    global _last
    with _lock:
        _last = max(_last + 1, (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80))
        return _written(_last)


def new_seed() -> str:
    return secrets.token_hex(16)


def child_id(execution: str, place: Place, began_ms: int) -> str:
    """The id of the child that a step starts: the same whenever the step is tried again after a crash."""
    digest = hashlib.sha256(f"{execution} {text(place)}".encode()).digest()
    return _written(began_ms << 80 | int.from_bytes(digest[:10], "big"))


def idempotency_key(of: str, path: Key) -> str:
    """What a provider knows a repeated call by: the same over Retry, crash and redrive, new for each visit and item.

    `of` is the intent, else the execution. Attempts of an enclosing Parallel or Map do not count as visits.
    """
    steps = [step for step in path if step[0] != "attempt"]
    return hashlib.sha256(f"{of} {text(steps)}".encode()).hexdigest()[:40]


def arn(composition: str, execution: str) -> str:
    return f"{_ACCOUNT}:execution:{composition}:{execution}"


def _written(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
