"""The flow's part of the configuration document: one piece a route, one a composition."""

from collections.abc import Iterator

from compositions.documents import compositions, routes
from compositions.models import Composition, Route
from controlplane.config.pieces import Piece


def pieces() -> Iterator[Piece]:
    for route in Route.objects.select_related("target", "composition").prefetch_related("stages"):
        yield Piece("route", route.slug, routes.document(route))
    for composition in Composition.objects.all():
        yield Piece("composition", composition.slug, compositions.document(composition))
