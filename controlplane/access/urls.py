"""Addresses of access. The back office logs in through the same page as everybody."""

from django.urls import path
from django.views.generic import RedirectView

from controlplane.access import views

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
]
