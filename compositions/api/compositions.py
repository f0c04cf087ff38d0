"""/api/v1/compositions"""

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from breakers.api.describing import SEEN, noun
from breakers.documents.defaults import Document
from compositions import advice
from compositions.documents.compositions import CompositionShape, ListedShape, document
from compositions.models import Composition
from compositions.operations import compositions
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid

AS = OpenApiParameter(
    "as", str, enum=["object", "text"], description="text: the definition as its author wrote it. Default object."
)


@noun("compositions", CompositionShape, one="composition")
class Compositions(NounViewSet):
    kind = "composition"
    queryset = Composition.objects.all()
    serializer_class = CompositionShape

    def document(self, row: Composition) -> Document:
        if self.action == "list":
            return document(row)
        return whole(row) | ({"definition": row.definition} if as_text(self.request) else {})

    def patched(self, row: Composition, patch: Any) -> Any:
        return compositions.merged(row, patch)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Composition:
        return compositions.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Composition, *, by: Principal, reason: str) -> None:
        compositions.delete(row.slug, by=by, reason=reason)

    @extend_schema(responses={200: ListedShape(many=True)})
    def list(self, request: Request) -> Response:
        return super().list(request)

    @extend_schema(parameters=[AS, SEEN])
    def retrieve(self, request: Request, slug: str) -> Response:
        return super().retrieve(request, slug)


def whole(row: Composition) -> Document:
    """Its document with what a review says of it."""
    return {**document(row), "findings": msgspec.to_builtins(advice.warnings(row))}


def as_text(request: Request) -> bool:
    """Whether a definition is asked for as its author wrote it. Raises Invalid for other forms."""
    wanted = request.query_params.get("as", "object")
    if wanted not in ("object", "text"):
        text = f"{wanted!r} is no form of a definition; use object or text."
        raise Invalid(text, problems=[FieldProblem("as", "invalid_choice", text)])
    return request.method == "GET" and wanted == "text"


urlpatterns = Compositions.routes("compositions")
