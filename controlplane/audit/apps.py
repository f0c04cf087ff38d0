"""Django's registration of the audit room."""

from django.apps import AppConfig


class AuditApp(AppConfig):
    name = "controlplane.audit"
    label = "audit"
    verbose_name = "Audit"
    default_auto_field = "django.db.models.BigAutoField"
