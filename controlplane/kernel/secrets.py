"""Secrets that must be kept and used again, such as passwords of proxies: stored and sent about encrypted only.

Fernet (AES-128-CBC with HMAC-SHA-256) under keys that are derived from SECRETS_KEY, a list whose first seals and all
of which reveal, and from SECRET_KEY, which comes last. What is sealed is text that may lie in a row, in a configuration
piece, in Valkey or in a file; only who makes the call reveals it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """Sealed under a key that is not here (any more), or damaged."""


def seal(secret: str) -> str:
    """`secret` encrypted under the first key; different each time."""
    return _fernet().encrypt(secret.encode()).decode()


def reveal(sealed: str) -> str:
    """What was sealed. Raises Unreadable."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable("A secret was sealed under a key that SECRETS_KEY and SECRET_KEY do not have.") from None


def resealed(sealed: str) -> str:
    """The same secret under the first key. Raises Unreadable."""
    return seal(reveal(sealed))


def version_of(sealed: str) -> str:
    """Tells one sealing from another, and nothing of the secret."""
    return hashlib.blake2b(sealed.encode(), digest_size=4).hexdigest() if sealed else ""


def _fernet() -> MultiFernet:
    return _of((*settings.SECRETS_KEY, settings.SECRET_KEY))


@cache
def _of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"switchgear secrets").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
