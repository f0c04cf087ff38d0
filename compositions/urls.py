"""Addresses of the flow floor's pages."""

from django.urls import path

from compositions import views

urlpatterns = [
    path("routes/", views.routes, name="routes"),
    path("routes/<slug:slug>/", views.change, name="route-change"),
    path("routes/<slug:slug>/limits/", views.limits, name="route-limits"),
    path("routes/<slug:slug>/undo/", views.undo, name="route-undo"),
]
