"""/api/v1/usage-plans"""

from typing import Any

from breakers.documents.defaults import Document
from breakers.documents.plans import UsagePlanShape, document
from breakers.models import UsagePlan
from breakers.operations import plans
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal

from .describing import noun


@noun("usage-plans", UsagePlanShape, one="usage plan")
class UsagePlans(NounViewSet):
    kind = "plan"
    queryset = plans.rows()
    serializer_class = UsagePlanShape

    def document(self, row: UsagePlan) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> UsagePlan:
        return plans.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: UsagePlan, *, by: Principal, reason: str) -> None:
        plans.delete(row.slug, by=by, reason=reason)


routes: list[Any] = UsagePlans.routes("usage-plans")
