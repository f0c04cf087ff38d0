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


def _lacks_nothing(resource: str) -> str | None:
    return None


class Surroundings(msgspec.Struct, frozen=True):
    """Targets by slug, with their base URLs and time limits; compositions by slug.

    `serves` tells whether a task may name a resource; None where nobody asks. `lacks` says what is missing here to
    serve one, with the remedy, or None.
    """

    base_urls: Mapping[str, str] = {}
    timeouts_s: Mapping[str, float] = {}
    compositions: Mapping[str, Neighbour] = {}
    serves: Callable[[str], bool] | None = None
    lacks: Callable[[str], str | None] = _lacks_nothing

    def find(self, slug: str) -> Neighbour | None:
        return self.compositions.get(slug)
