"""Forgets what is over: expired sessions, and failed logins older than the pause that they can cause."""

from datetime import timedelta

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.core.management import call_command

from controlplane.kernel import clock


@shared_task(name="controlplane.access.forget")
def forget() -> None:
    call_command("clearsessions")
    over = clock.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    AccessAttempt.objects.filter(attempt_time__lt=over).delete()
