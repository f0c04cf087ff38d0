"""What limits need to know of routes: a route source of the protection floor."""

from collections.abc import Iterator, Mapping
from typing import Any

from breakers.routes import RouteFacts
from compositions.documents import routes as documents
from compositions.models import Route


def routes(replacing: Mapping[str, Any] | None = None) -> Iterator[RouteFacts]:
    """Every route, with the document `replacing` in the place of its own, or besides when it is new."""
    slug = None if replacing is None else replacing["slug"]
    for route in Route.objects.select_related("target").prefetch_related("stages").exclude(slug=slug or ""):
        yield facts(documents.document(route))
    if replacing is not None:
        yield facts(documents.complete(replacing["slug"], dict(replacing)))


def facts(document: Mapping[str, Any]) -> RouteFacts:
    return RouteFacts(
        slug=document["slug"],
        title=document["title"],
        methods=tuple(document["methods"]),
        path=document["path"],
        stages=tuple(document["stages"]),
        enabled=document["enabled"],
        api_key_required=document["api_key_required"],
        calls={document["integration"]["target"]: 1},
    )
