"""The control listener's addresses: the ground's own, then those that the apps name in APP_URLS and API_ROUTES."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from controlplane.kernel import seams

handler400 = "controlplane.dashboard.errors.bad_request"
handler403 = "controlplane.dashboard.errors.permission_denied"
handler404 = "controlplane.dashboard.errors.page_not_found"
handler500 = "controlplane.dashboard.errors.server_error"

api_v1: list[URLPattern | URLResolver] = [
    pattern for route in settings.API_ROUTES for pattern in seams.url_patterns(route)
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("controlplane.access.urls")),
    path("", include("controlplane.audit.urls")),
    path("", include("controlplane.dashboard.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api_v1)),
    *(path("", include(module)) for module in settings.APP_URLS),
]
