"""Django's registration of the dashboard room."""

from django.apps import AppConfig


class DashboardApp(AppConfig):
    name = "controlplane.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"
    default_auto_field = "django.db.models.BigAutoField"
