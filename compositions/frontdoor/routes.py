"""The route table: frozen, built whole from one configuration version, replaced in one assignment."""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from .integrations import INTEGRATIONS, Integration
from .matching import Candidate, Matcher

log = logging.getLogger("switchgear.frontdoor")


class Piece(Protocol):
    @property
    def digest(self) -> str: ...
    @property
    def body(self) -> dict[str, Any]: ...


class Snapshot(Protocol):
    @property
    def version(self) -> int: ...
    def of(self, kind: str) -> Mapping[str, Piece]: ...


class Route:
    """One enabled route; `head_as_get`: HEAD was not asked for by name, so it is served by a GET without its body."""

    __slots__ = ("head_as_get", "integration", "slug")

    def __init__(self, slug: str, integration: Integration, *, head_as_get: bool) -> None:
        self.slug, self.integration, self.head_as_get = slug, integration, head_as_get


class RouteTable:
    """All enabled routes of one version. One that cannot be compiled is left out and logged; the others serve."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        pieces = snapshot.of("route") if snapshot is not None else {}
        self.version = snapshot.version if snapshot is not None else 0
        self._digests = {slug: piece.digest for slug, piece in pieces.items()}
        self.matcher: Matcher[Route] = Matcher(
            candidate for slug, piece in pieces.items() if (candidate := _compile(slug, piece.body)) is not None
        )

    def follow(self, snapshot: Snapshot) -> "RouteTable":
        """The table for a newer version: this one when no route has changed."""
        digests = {slug: piece.digest for slug, piece in snapshot.of("route").items()}
        return self if digests == self._digests else RouteTable(snapshot)


def _compile(slug: str, body: Mapping[str, Any]) -> Candidate[Route] | None:
    if not body.get("enabled", True):
        return None
    try:
        block = body["integration"]
        methods = [method.upper() for method in body["methods"]]
        candidate: Candidate[Route | None] = Candidate(slug, methods, body["path"], body.get("priority", 100), None)
        integration = INTEGRATIONS[block["type"]](block, candidate.template)
    except (KeyError, TypeError, ValueError) as error:
        log.error("route_unusable", extra={"route": slug, "error": repr(error)})
        return None
    route = Route(slug, integration, head_as_get="HEAD" not in methods)
    return Candidate(slug, methods, body["path"], body.get("priority", 100), route)
