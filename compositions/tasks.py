"""What Celery beat sets off on the flow floor."""

import time

from celery import shared_task
from django.conf import settings

from compositions import sagas
from compositions.intake.queues import takers
from compositions.operations import bulk, purging
from compositions.runs import keeping


@shared_task(name="compositions.take_from_queues")
def take_from_queues() -> None:
    """Messages of SQS queues are taken on threads of their own; this only sees to it that they run."""
    if settings.AWS_CONFIGURED:
        takers.start()


@shared_task(name="compositions.keep_noted")
def keep_noted() -> None:
    keeping.drain()


@shared_task(name="compositions.prune_noted")
def prune_noted() -> None:
    keeping.prune()


@shared_task(name="compositions.purge_intents")
def purge_intents() -> None:
    purging.purge()


@shared_task(name="compositions.prune_executions")
def prune_executions() -> None:
    sagas.prune()


@shared_task(name="compositions.go_on_in_bulk")
def go_on_in_bulk() -> None:
    """Work off orders for many executions for about a second; the next tick goes on."""
    until = time.monotonic() + 1.0
    while bulk.go_on() and time.monotonic() < until:
        pass
