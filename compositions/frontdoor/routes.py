"""The route table: frozen, built whole from one configuration version, replaced in one assignment."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import structlog

from .integrations import INTEGRATIONS, Integration
from .matching import Candidate, Matcher, parse_template
from .route_cache import RouteCache
from .stages import MAIN, Entrance, Entrances

log = structlog.get_logger("switchgear.frontdoor")


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
    """One enabled route in one stage.

    `head_as_get`: HEAD was not asked for by name, so it is served by a GET without its body. `private`: the header that
    its authorizer goes by, so that no answer to it is shared. `guarded`: it must not be served without its gate.
    """

    __slots__ = ("cache", "guarded", "head_as_get", "integration", "private", "slug")

    def __init__(
        self,
        slug: str,
        integration: Integration,
        *,
        head_as_get: bool,
        guarded: bool = False,
        private: tuple[str, ...] = (),
        cache: RouteCache | None = None,
    ) -> None:
        self.slug, self.integration, self.head_as_get = slug, integration, head_as_get
        self.guarded, self.private, self.cache = guarded, private, cache


class RouteTable:
    """All enabled routes of one version, stage by stage. What cannot be compiled is left out and logged."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        routes = snapshot.of("route") if snapshot is not None else {}
        stages = snapshot.of("stage") if snapshot is not None else {}
        self.version = snapshot.version if snapshot is not None else 0
        self._digests = _digests(routes, stages)
        bodies: Mapping[str, Mapping[str, Any]] = {slug: piece.body for slug, piece in stages.items()} or {MAIN: {}}
        found: dict[str, list[Candidate[Route]]] = {slug: [] for slug in bodies}
        for slug, piece in routes.items():
            for stage, candidate in _compile(slug, piece.body, bodies):
                found[stage].append(candidate)
        self.entrances = Entrances(_entrances(bodies, found))

    def follow(self, snapshot: Snapshot) -> "RouteTable":
        """The table for a newer version: this one when no route and no stage has changed."""
        return self if _digests(snapshot.of("route"), snapshot.of("stage")) == self._digests else RouteTable(snapshot)


def _digests(routes: Mapping[str, Piece], stages: Mapping[str, Piece]) -> dict[tuple[str, str], str]:
    digests = {("route", slug): piece.digest for slug, piece in routes.items()}
    return digests | {("stage", slug): piece.digest for slug, piece in stages.items()}


def _entrances(
    bodies: Mapping[str, Mapping[str, Any]], found: Mapping[str, list[Candidate[Route]]]
) -> Iterator[Entrance]:
    for slug, body in bodies.items():
        try:
            yield Entrance(slug, body, Matcher(found[slug]))
        except (TypeError, ValueError) as error:
            log.error("stage_unusable", stage=slug, error=repr(error))


def _compile(
    slug: str, body: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Candidate[Route]]]:
    """The route as each of its stages has it."""
    if not body.get("enabled", True):
        return
    try:
        block, path, priority = body["integration"], body["path"], body.get("priority", 100)
        methods = [method.upper() for method in body["methods"]]
        integration = INTEGRATIONS[block["type"]](block, parse_template(path))
        for stage in body.get("stages", (MAIN,)):
            if stage in stages:
                route = Route(
                    slug,
                    integration,
                    head_as_get="HEAD" not in methods,
                    guarded=bool(body.get("api_key_required") or body.get("authorizer")),
                    private=_private(body.get("authorizer")),
                    cache=RouteCache.parse(stage, stages[stage], slug, body),
                )
                yield stage, Candidate(slug, methods, path, priority, route)
    except (KeyError, TypeError, ValueError) as error:
        log.error("route_unusable", route=slug, error=repr(error))


def _private(authorizer: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What an answer to an authorised request depends on, whatever the downstream says."""
    if authorizer is None:
        return ()
    return (authorizer["header"].lower(),) if authorizer["type"] == "trusted_header" else ("authorization",)
