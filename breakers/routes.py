"""What limits need to know of the front door's routes; whoever owns routes tells it through ROUTE_SOURCES."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from controlplane.kernel import seams


class RouteFacts(NamedTuple):
    """One route: which requests it takes, and how often one of them calls each target."""

    slug: str
    title: str
    methods: tuple[str, ...]
    path: str
    stages: tuple[str, ...]
    enabled: bool
    api_key_required: bool
    calls: Mapping[str, float]
    tags: tuple[str, ...] = ()
    kept_s: float | None = None  # how long its answers are kept; None: as its stage says

    def __str__(self) -> str:
        return self.title or self.slug


def known(replacing: Mapping[str, Any] | None = None) -> list[RouteFacts]:
    """Every route, enabled or not, by slug; with a route's document in `replacing`, as they would be then.

    A route source takes that document, or None, and yields RouteFacts.
    """
    found = [facts for source in seams.sources("ROUTE_SOURCES") for facts in source(replacing)]
    return sorted(found, key=lambda facts: facts.slug)
