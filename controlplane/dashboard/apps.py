"""Django's registration of the dashboard room, and of the back office with our site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class DashboardApp(AppConfig):
    name = "controlplane.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"
    default_auto_field = "django.db.models.BigAutoField"


class BackOffice(admin.AdminConfig):
    """Stands in INSTALLED_APPS by its full path, in place of `django.contrib.admin`."""

    default = False
    default_site = "controlplane.dashboard.backoffice.Site"
