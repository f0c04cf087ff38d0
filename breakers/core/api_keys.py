"""What an API key is: its shape, the hash that stands for it, and the state that its dates make. Keys identify;
they do not authenticate.
"""

import hashlib
from datetime import datetime
from enum import StrEnum

LEADER = "sgk_"
NAME_LENGTH = 8
SECRET_LENGTH = 32
# API Gateway takes keys of 20 to 128 characters; ours are 45.
SHORTEST, LONGEST = 20, 128


class KeyState(StrEnum):
    WORKS = "works"
    GRACE = "grace"  # rotated: it works beside its successor until the grace period ends
    ROTATED = "rotated"  # the grace period is over
    EXPIRED = "expired"
    REVOKED = "revoked"


WORKING = (KeyState.WORKS, KeyState.GRACE)


def digest(secret: str) -> str:
    """What is kept of a key, and what a front door looks it up by."""
    return hashlib.sha256(secret.encode()).hexdigest()


def prefix(secret: str) -> str:
    """The beginning by which people recognise a key. Of a short imported one less is shown, for less would be left."""
    if secret.startswith(LEADER) and len(secret) == len(LEADER) + NAME_LENGTH + 1 + SECRET_LENGTH:
        return secret[: len(LEADER) + NAME_LENGTH]
    return secret[:6] if len(secret) >= 30 else secret[:4]


def fault(secret: str) -> tuple[str, str] | None:
    """Why a given key cannot be taken, as a code and a sentence that does not repeat it; None when it can."""
    if not SHORTEST <= len(secret) <= LONGEST:
        return "length", f"A key has {SHORTEST} to {LONGEST} characters; this one has {len(secret)}."
    if any(not "!" <= character <= "~" for character in secret):
        return "characters", "Use printable ASCII without spaces: anything else is lost or changed in a header."
    if len(set(secret)) < 5:
        return "guessable", "The same few characters over and over can be guessed; use a random key."
    return None


def state(now: datetime, *, revoked: bool, expires_at: datetime | None, grace_until: datetime | None) -> KeyState:
    """A revocation outranks everything; of an expiry and the end of a grace period whichever came decides."""
    if revoked:
        return KeyState.REVOKED
    if expires_at is not None and expires_at <= now:
        return KeyState.EXPIRED
    if grace_until is None:
        return KeyState.WORKS
    return KeyState.GRACE if grace_until > now else KeyState.ROTATED
