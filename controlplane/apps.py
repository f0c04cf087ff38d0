"""The ground floor as a Django app: commands, checks and the Celery application."""

from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    name = "controlplane"
    label = "controlplane"
    verbose_name = "Control plane"

    def ready(self) -> None:
        # Importing registers: the checks with Django, the Celery app as the one that shared tasks use.
        from controlplane import celery, checks  # noqa: F401
