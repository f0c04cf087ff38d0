"""Tells front doors whose tokens are good, and forgets what is over: sessions, and failed logins."""

from datetime import timedelta

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.core.management import call_command

from controlplane.access import compiling
from controlplane.kernel import clock


@shared_task(name="controlplane.access.follow")
def follow() -> None:
    """Users and roles change in more places than tokens do; front doors hear of it here."""
    compiling.follow()


@shared_task(name="controlplane.access.forget")
def forget() -> None:
    call_command("clearsessions")
    over = clock.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    AccessAttempt.objects.filter(attempt_time__lt=over).delete()
