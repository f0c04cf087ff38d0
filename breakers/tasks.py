"""What Celery beat sets off: probes, the history of circuits, counts of use, and the tidying of what has lapsed."""

from celery import shared_task
from django.utils import timezone

from breakers import probing, rollup, transitions
from breakers.delays import history, mirror
from breakers.hosting import hosted
from breakers.operations import alarm_sources, journeys, overrides
from controlplane.aws.plans import NotKnown


@shared_task(name="breakers.tick")
def tick() -> None:
    runner = hosted("runner")
    runner.run(probing.tick(runner.plane), timeout_s=5)


@shared_task(name="breakers.keep_history")
def keep_history() -> None:
    transitions.drain()
    history.note(hosted("runner").plane)


@shared_task(name="breakers.mirror_delays")
def mirror_delays() -> None:
    """The files beside the delay flag; parameters at AWS are the reconciler's."""
    try:
        mirror.write_files(hosted("runner").plane)
    except NotKnown:
        return  # the files stay as they are


@shared_task(name="breakers.expire")
def expire() -> None:
    """Lapsed orders no longer bind any worker; this removes them from the configuration and writes the audit."""
    now = timezone.now()
    overrides.expire(now)
    journeys.expire(now)


@shared_task(name="breakers.prune")
def prune() -> None:
    transitions.prune()
    history.prune()
    rollup.prune()
    alarm_sources.prune()


@shared_task(name="breakers.count_use")
def count_use() -> None:
    rollup.roll_up()


@shared_task(name="breakers.note_used_keys")
def note_used_keys() -> None:
    rollup.note_used()
