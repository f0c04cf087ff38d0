"""Addresses of the shell."""

from django.urls import path

from controlplane.dashboard import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("panels/<slug:slug>", views.panel, name="panel"),
    path("problems/<slug:kind>", views.problem, name="problem"),
    path("api/schema/", views.schema, name="schema"),
    path("api/docs/", views.docs, name="docs"),
]
