"""Ids of intents: 11 characters of time, so that they sort by age, and 17 of chance, so that nobody guesses one."""

import re
import secrets
import threading
import time
from datetime import datetime

# Crockford's base 32 in small letters: no i, l, o, u.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME, _CHANCE = 11, 17
PATTERN = re.compile(rf"[{_DIGITS}]{{{_TIME + _CHANCE}}}")

_lock = threading.Lock()
_last_us = 0


def new_id() -> str:
    """An id that is greater than every one that this process has made before."""
    global _last_us
    with _lock:
        _last_us = max(_last_us + 1, time.time_ns() // 1000)
        moment = _last_us
    return _text(moment, _TIME) + _text(secrets.randbits(5 * _CHANCE), _CHANCE)


def since(at: datetime) -> str:
    """What every id that was made at this moment or later is not less than."""
    return _text(int(at.timestamp() * 1_000_000), _TIME)


def _text(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        characters.append(_DIGITS[digit])
    return "".join(reversed(characters))
