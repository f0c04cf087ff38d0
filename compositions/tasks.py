"""What Celery beat sets off on the flow floor."""

from celery import shared_task

from compositions.runs import keeping


@shared_task(name="compositions.keep_noted")
def keep_noted() -> None:
    keeping.drain()


@shared_task(name="compositions.prune_noted")
def prune_noted() -> None:
    keeping.prune()
