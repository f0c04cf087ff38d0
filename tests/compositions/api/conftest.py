"""REST clients by role, and a target for routes to lead to, as on the floor below."""

from tests.breakers.api.conftest import admin_api, catalog, client_of

__all__ = ["admin_api", "catalog", "client_of"]
