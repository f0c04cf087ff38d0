"""/api/v1/targets"""

from typing import Any

from django.db.models import QuerySet

from breakers.documents import rows
from breakers.documents.defaults import Document
from breakers.documents.targets import TargetShape
from breakers.models import Target
from breakers.operations import targets
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal

from .describing import noun


@noun("targets", TargetShape, one="target")
class Targets(NounViewSet):
    kind = "target"
    queryset = Target.objects.all()
    serializer_class = TargetShape

    def get_queryset(self) -> QuerySet[Target]:
        return rows.targets()

    def document(self, row: Target) -> Document:
        return rows.document(row)

    def stated(self, row: Target) -> Document:
        return rows.stated(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Target:
        return targets.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Target, *, by: Principal, reason: str) -> None:
        targets.delete(row.slug, by=by, reason=reason)


routes: list[Any] = Targets.routes("targets")
