"""/api/v1/consumers"""

from typing import Any

from breakers.documents.consumers import ConsumerShape, document
from breakers.documents.defaults import Document
from breakers.models import Consumer
from breakers.operations import consumers
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal

from .describing import noun


@noun("consumers", ConsumerShape, one="consumer")
class Consumers(NounViewSet):
    kind = "consumer"
    queryset = Consumer.objects.all()
    serializer_class = ConsumerShape

    def document(self, row: Consumer) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Consumer:
        return consumers.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Consumer, *, by: Principal, reason: str) -> None:
        consumers.delete(row.slug, by=by, reason=reason)


routes: list[Any] = Consumers.routes("consumers")
