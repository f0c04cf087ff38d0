"""Django's registration of the AWS room."""

from django.apps import AppConfig


class AwsApp(AppConfig):
    name = "controlplane.aws"
    label = "aws"
    verbose_name = "AWS"
    default_auto_field = "django.db.models.BigAutoField"
