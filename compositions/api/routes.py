"""/api/v1/routes"""

from typing import Any

from breakers.api.describing import noun
from breakers.documents.defaults import Document
from compositions.documents.routes import RouteShape, document
from compositions.models import Route
from compositions.operations import routes
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal


@noun("routes", RouteShape, one="route")
class Routes(NounViewSet):
    kind = "route"
    queryset = routes.rows()
    serializer_class = RouteShape

    def document(self, row: Route) -> Document:
        return document(row)

    def patched(self, row: Route, patch: Any) -> Any:
        return routes.merged(row, patch)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Route:
        return routes.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Route, *, by: Principal, reason: str) -> None:
        routes.delete(row.slug, by=by, reason=reason)


urlpatterns = Routes.routes("routes")
