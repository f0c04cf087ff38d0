"""Django's registration of the protection floor."""

from django.apps import AppConfig


class BreakersApp(AppConfig):
    name = "breakers"
    label = "breakers"
    verbose_name = "Protection"
    default_auto_field = "django.db.models.BigAutoField"
