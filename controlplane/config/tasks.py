"""Periodic upkeep of the configuration: level-triggered publishing, and pruning of old versions."""

from celery import shared_task

from controlplane.config import publish


@shared_task(name="controlplane.config.republish")
def republish() -> None:
    publish.republish()


@shared_task(name="controlplane.config.prune")
def prune() -> None:
    publish.prune()
