"""What stands around a definition: targets, other compositions, and what tasks may call here; pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from compositions.asl.values import Json


class Neighbour(NamedTuple):
    """Another composition, as a definition that calls it needs to know it."""

    slug: str
    type: str
    definition: Json
    deadline_ms: int | None = None


class Surroundings(msgspec.Struct, frozen=True):
    """`base_urls` of targets by slug; `compositions` by slug; `resources` that tasks may name (None: not asked)."""

    base_urls: Mapping[str, str] = {}
    compositions: Mapping[str, Neighbour] = {}
    resources: Mapping[str, Any] | None = None
    has_aws: bool = False

    def find(self, slug: str) -> Neighbour | None:
        return self.compositions.get(slug)
