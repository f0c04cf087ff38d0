"""/api/v1/throttles"""

from typing import Any

from breakers.documents.defaults import Document
from breakers.documents.throttles import ThrottleShape, document
from breakers.models import Throttle
from breakers.operations import throttles
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal

from .describing import noun


@noun("throttles", ThrottleShape, one="throttle")
class Throttles(NounViewSet):
    kind = "throttle"
    queryset = throttles.rows()
    serializer_class = ThrottleShape

    def document(self, row: Throttle) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Throttle:
        return throttles.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Throttle, *, by: Principal, reason: str) -> None:
        throttles.delete(row.slug, by=by, reason=reason)


routes: list[Any] = Throttles.routes("throttles")
