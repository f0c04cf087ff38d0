"""/api/v1/stages"""

from typing import Any

from breakers.documents.defaults import Document
from breakers.documents.stages import StageShape, document
from breakers.models import Stage
from breakers.operations import stages
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal

from .describing import noun


@noun("stages", StageShape, one="stage")
class Stages(NounViewSet):
    kind = "stage"
    queryset = Stage.objects.all()
    serializer_class = StageShape

    def document(self, row: Stage) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Stage:
        return stages.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Stage, *, by: Principal, reason: str) -> None:
        stages.delete(row.slug, by=by, reason=reason)


routes: list[Any] = Stages.routes("stages")
