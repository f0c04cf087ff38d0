"""What limits need to know of routes: a route source of the protection floor."""

from collections.abc import Iterator, Mapping
from typing import Any

from breakers.routes import RouteFacts
from compositions import neighbours
from compositions.compiling import pipe_body
from compositions.documents import routes as documents
from compositions.models import Pipe
from compositions.operations.routes import rows
from compositions.reach import reach
from compositions.surroundings import Surroundings


def routes(replacing: Mapping[str, Any] | None = None) -> Iterator[RouteFacts]:
    """Every route, with the document `replacing` in the place of its own, or besides when it is new."""
    slug = None if replacing is None else replacing["slug"]
    found = [documents.document(route) for route in rows().exclude(slug=slug or "")]
    if replacing is not None:
        found.append(documents.complete(replacing["slug"], dict(replacing)))
    composed = any(document["integration"]["type"] != "target" for document in found)
    around = neighbours.around() if composed else Surroundings()
    for document in found:
        yield facts(document, around)


def facts(document: Mapping[str, Any], around: Surroundings) -> RouteFacts:
    return RouteFacts(
        slug=document["slug"],
        title=document["title"],
        methods=tuple(document["methods"]),
        path=document["path"],
        stages=tuple(document["stages"]),
        enabled=document["enabled"],
        api_key_required=document["api_key_required"],
        calls=_calls(document["integration"], around),
        tags=tuple(document["tags"]),
        kept_s=document["cache"]["ttl_s"],
    )


def _calls(integration: Mapping[str, Any], around: Surroundings) -> Mapping[str, float]:
    """The most calls of one request, by target."""
    if integration["type"] == "target":
        return {integration["target"]: 1}
    if integration["type"] == "pipe":
        pipe = Pipe.objects.filter(slug=integration["pipe"]).first()
        return pipe_body(pipe, around)["calls"] if pipe else {}
    composition = around.find(integration["composition"])
    return reach(composition.definition, around).calls if composition else {}
