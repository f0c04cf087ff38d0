"""The flow's part of the configuration document: one piece a route, one a composition, one a pipe."""

from collections.abc import Iterator

from breakers.documents.defaults import Document
from compositions import neighbours
from compositions.documents import compositions, pipes, routes
from compositions.models import Composition, Pipe, Route
from compositions.reach import reach, together
from compositions.surroundings import Surroundings
from controlplane.config.pieces import Piece


def pieces() -> Iterator[Piece]:
    for route in Route.objects.select_related("target", "composition", "pipe").prefetch_related("stages"):
        yield Piece("route", route.slug, routes.document(route))
    for composition in Composition.objects.all():
        # As text: PostgreSQL sorts the members of objects, and an output has them in the order of its definition.
        body = {**compositions.document(composition), "definition": composition.definition}
        yield Piece("composition", composition.slug, body)
    found = list(Pipe.objects.all())
    around = neighbours.around() if found else Surroundings()
    for pipe in found:
        yield Piece("pipe", pipe.slug, pipe_body(pipe, around))


def pipe_body(pipe: Pipe, around: Surroundings) -> Document:
    """The public document, with what stops the pipe: an operator's word, and targets that it cannot do without.

    `calls` are the most calls of one intent by target, `usual` those of one that goes well, `title` and `messages` what
    customers may read.
    """
    target, enrichment = around.find(pipe.target), around.find(pipe.enrichment)
    reached = reach(target.definition if target else None, around)
    made = reach(enrichment.definition if enrichment else None, around)
    return pipes.document(pipe) | {
        "targets": sorted(reached.required | made.required),
        "calls": dict(sorted(together((reached.calls, made.calls)).items())),
        "usual": dict(sorted(together((reached.usual, made.usual)).items())),
        "desired_reason": pipe.desired_reason,
        "desired_by": pipe.desired_by,
    }
