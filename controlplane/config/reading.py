"""Reads the newest version from the database, in the shape that a ConfigFeed asks for."""

from __future__ import annotations

from collections.abc import Callable

from django.db import close_old_connections

from controlplane.config.models import ConfigPiece, ConfigVersion
from controlplane.config.pieces import Manifest, Piece


def newest() -> tuple[int, Manifest, Callable[[list[str]], dict[str, Piece]]]:
    """Number and manifest of the newest version, and how to fetch its pieces by digest. (0, {}) before the first."""
    close_old_connections()
    return present()


def present() -> tuple[int, Manifest, Callable[[list[str]], dict[str, Piece]]]:
    """The same, on the connection of the request or task that asks."""
    row = ConfigVersion.objects.order_by("-number").values_list("number", "manifest").first()
    number, manifest = row if row is not None else (0, {})
    return number, manifest, fetch


def fetch(digests: list[str]) -> dict[str, Piece]:
    """The pieces with these digests; a digest that the database does not know is left out."""
    found: dict[str, Piece] = {}
    for start in range(0, len(digests), 500):
        rows = ConfigPiece.objects.filter(digest__in=digests[start : start + 500])
        found |= {row.digest: Piece(row.kind, row.slug, row.body, row.digest) for row in rows}
    return found
