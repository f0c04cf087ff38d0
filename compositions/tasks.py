"""What Celery beat sets off on the flow floor."""

import time

from celery import shared_task

from compositions.operations import bulk, purging
from compositions.runs import keeping


@shared_task(name="compositions.keep_noted")
def keep_noted() -> None:
    keeping.drain()


@shared_task(name="compositions.prune_noted")
def prune_noted() -> None:
    keeping.prune()


@shared_task(name="compositions.purge_intents")
def purge_intents() -> None:
    purging.purge()


@shared_task(name="compositions.go_on_in_bulk")
def go_on_in_bulk() -> None:
    """Work off orders for many executions for about a second; the next tick goes on."""
    until = time.monotonic() + 1.0
    while bulk.go_on() and time.monotonic() < until:
        pass
