"""Django's registration of the flow floor."""

from django.apps import AppConfig


class CompositionsApp(AppConfig):
    name = "compositions"
    label = "compositions"
    verbose_name = "Flow"
    default_auto_field = "django.db.models.BigAutoField"
