"""Addresses of the audit."""

from django.urls import path

from controlplane.audit import views

urlpatterns = [path("audit/", views.entries, name="audit")]
