"""The flow's part of the configuration document: one piece a route."""

from collections.abc import Iterator

from compositions.documents.routes import document
from compositions.models import Route
from controlplane.config.pieces import Piece


def pieces() -> Iterator[Piece]:
    for route in Route.objects.select_related("target").prefetch_related("stages"):
        yield Piece("route", route.slug, document(route))
