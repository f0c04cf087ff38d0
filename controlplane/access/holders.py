"""Who holds a token, told from the configuration document alone: for listeners that ask no database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec


class Piece(Protocol):
    @property
    def body(self) -> dict[str, Any]: ...


class Snapshot(Protocol):
    def of(self, kind: str) -> Mapping[str, Piece]: ...


class Holder(msgspec.Struct, frozen=True):
    """A token as listeners know it: never the secret. `acts` are what its user may do."""

    hash: str
    name: str
    acts: tuple[str, ...]
    expires_at_ms: int | None = None


class Holders:
    """All tokens of one configuration version."""

    def __init__(self, holders: Iterable[Holder] = ()) -> None:
        self._by_hash = {holder.hash: holder for holder in holders}

    @classmethod
    def of(cls, snapshot: Snapshot) -> Holders:
        rows = [row for piece in snapshot.of("tokens").values() for row in piece.body["tokens"]]
        return cls(msgspec.convert(rows, list[Holder]))

    def find(self, authorization: str | None, now_ms: float) -> Holder | None:
        """Whose `Authorization: Bearer TOKEN` this is; None for another scheme, and for a token that is not good."""
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            return None
        holder = self._by_hash.get(hash_of(secret.strip()))
        if holder is None or (holder.expires_at_ms is not None and now_ms >= holder.expires_at_ms):
            return None
        return holder


def hash_of(secret: str) -> str:
    """Secrets are long and random, so a plain hash is enough, and one lookup finds the token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
