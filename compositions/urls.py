"""Addresses of the flow floor's pages."""

from django.urls import path

from compositions.views import routes

urlpatterns = [
    path("routes/", routes.routes, name="routes"),
    path("routes/<slug:slug>/", routes.change, name="route-change"),
    path("routes/<slug:slug>/limits/", routes.limits, name="route-limits"),
    path("routes/<slug:slug>/undo/", routes.undo, name="route-undo"),
]
