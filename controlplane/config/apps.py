"""Django's registration of the config room."""

from django.apps import AppConfig


class ConfigurationApp(AppConfig):
    name = "controlplane.config"
    label = "config"
    verbose_name = "Configuration"
    default_auto_field = "django.db.models.BigAutoField"
