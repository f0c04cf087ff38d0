"""What stands around a definition: targets, other compositions, and what tasks may call here; pure."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from compositions.asl.values import Json


class Neighbour(NamedTuple):
    """Another composition, as a definition that calls it needs to know it."""

    slug: str
    type: str
    definition: Json
    deadline_ms: int | None = None


class Service(NamedTuple):
    """Somebody here who serves a task's resource. `lacks` says what is missing for it, with the remedy, or None."""

    standard_only: bool = False
    lacks: str | None = None


class Surroundings(msgspec.Struct, frozen=True):
    """Targets by slug, with their base URLs and time limits; compositions by slug.

    `serves` tells who serves a resource, or None for nobody; it is None itself where nobody asks.
    """

    base_urls: Mapping[str, str] = {}
    timeouts_s: Mapping[str, float] = {}
    compositions: Mapping[str, Neighbour] = {}
    serves: Callable[[str], Service | None] | None = None

    def find(self, slug: str) -> Neighbour | None:
        return self.compositions.get(slug)
