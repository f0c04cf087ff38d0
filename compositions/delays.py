"""Pipes as journeys: what whoever uses a pipe is told while it is delayed."""

from collections.abc import Iterator, Mapping
from typing import Any


def pipes(snapshot: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A delay source: a journey of each pipe that no other journey speaks for.

    Its targets are those that its workflow cannot do without; its flag stays until what waited has been worked off.
    """
    for slug, piece in snapshot.of("pipe").items():
        if piece.body.get("journey", slug) == slug:
            title = piece.body.get("title") or slug
            yield slug, {"title": title, "targets": piece.body.get("targets", []), "clear_on": "drained"}
