"""Who sends a request, by its API key. Keys identify; they do not authenticate.

The configuration carries hashes of keys in 256 pieces by their first byte. A table is frozen; a newer one shares every
piece that has not changed, so one new key costs one small piece, and a look-up costs one SHA-256.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import msgspec

from .errors import KeyExpired, KeyMissing, KeyRetired, KeyRevoked, KeyUnknown, WrongStage


class Piece(Protocol):
    @property
    def digest(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...


class Key(msgspec.Struct, frozen=True):
    """One API key; times in ms since 1970. Revoked and expired ones stay, so that answers can say which they are."""

    id: str
    hash: str
    prefix: str
    consumer: str
    plans: tuple[str, ...] = ()
    expires_at_ms: int | None = None
    grace_until_ms: int | None = None
    revoked: bool = False
    consumer_created_at_ms: int = 0

    def valid(self, now_ms: float) -> bool:
        return not (
            self.revoked
            or (self.grace_until_ms is not None and self.grace_until_ms <= now_ms)
            or (self.expires_at_ms is not None and self.expires_at_ms <= now_ms)
        )


class Identity(msgspec.Struct, frozen=True):
    """Whose request it is, and the plan that opens the stage to it; `plan` is empty where the key opens nothing."""

    key: Key
    plan: str


class _Shard(msgspec.Struct, frozen=True):
    digest: str
    keys: dict[str, Key]


class KeyTable:
    """Every key of one configuration version."""

    __slots__ = ("_shards",)

    def __init__(self, shards: Mapping[str, _Shard] | None = None) -> None:
        self._shards = dict(shards or {})

    def follow(self, pieces: Mapping[str, Piece]) -> "KeyTable":
        """The table for newer pieces: this one when none has changed; else only those that did are read."""
        shards, changed = {}, len(pieces) != len(self._shards)
        for slug, piece in pieces.items():
            shard = self._shards.get(slug)
            if shard is None or shard.digest != piece.digest:
                shard, changed = _read(piece), True
            shards[slug] = shard
        return KeyTable(shards) if changed else self

    def __len__(self) -> int:
        return sum(len(shard.keys) for shard in self._shards.values())

    def find(self, secret: bytes) -> Key | None:
        """The key that `secret` is, whatever its state."""
        digest = sha256(secret).hexdigest()
        shard = self._shards.get(digest[:2])
        return shard.keys.get(digest) if shard is not None else None


def _read(piece: Piece) -> _Shard:
    keys = msgspec.convert(piece.body["keys"], tuple[Key, ...])
    return _Shard(piece.digest, {key.hash: key for key in keys})


def identify(
    table: KeyTable, stages: Mapping[str, Sequence[str]], secret: bytes | None, stage: str, now_ms: float
) -> Identity:
    """The caller of a route that needs a key. `stages` lists the stages that each plan opens.

    Raises KeyMissing, KeyUnknown, KeyRevoked, KeyRetired, KeyExpired or WrongStage.
    """
    if not secret:
        raise KeyMissing("This route needs an API key: send it in the X-API-Key header.")
    key = table.find(secret)
    if key is None:
        raise KeyUnknown("Nobody was given this API key.")
    if not key.valid(now_ms):
        raise refusal(key)
    plan = plan_of(key, stages, stage)
    if not plan:
        raise WrongStage(f"None of the usage plans of key {key.prefix}… opens stage {stage}.", stage=stage)
    return Identity(key, plan)


def recognise(table: KeyTable, secret: bytes | None, now_ms: float) -> Key | None:
    """The caller of a route that needs no key, where a valid one says who it is and anything else says nothing."""
    key = table.find(secret) if secret else None
    return key if key is not None and key.valid(now_ms) else None


def plan_of(key: Key, stages: Mapping[str, Sequence[str]], stage: str) -> str:
    """The plan by which `key` enters `stage`, or nothing; a key has at most one for each stage."""
    for plan in key.plans:
        if stage in stages.get(plan, ()):
            return plan
    return ""


def refusal(key: Key) -> KeyRevoked | KeyRetired | KeyExpired:
    """Why a key that is not valid any more is refused: revocation is told before expiry, which may come later."""
    if key.revoked:
        return KeyRevoked(f"Key {key.prefix}… was revoked.")
    if key.grace_until_ms is not None and (key.expires_at_ms is None or key.grace_until_ms <= key.expires_at_ms):
        return KeyRetired(f"Key {key.prefix}… was replaced by another, and the time in which both worked is over.")
    return KeyExpired(f"Key {key.prefix}… has expired.")
