"""Beat's ticks for AWS. They only start a round beside the queue, so that nothing in it waits."""

from celery import shared_task

from controlplane.aws import reconciling


@shared_task(name="controlplane.aws.reconcile")
def reconcile() -> None:
    reconciling.rounds.nudge()


@shared_task(name="controlplane.aws.prune")
def prune() -> None:
    reconciling.prune()
