"""Django's registration of the access room."""

from django.apps import AppConfig


class AccessApp(AppConfig):
    name = "controlplane.access"
    label = "access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
