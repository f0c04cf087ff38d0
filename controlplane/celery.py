"""The Celery application: operations on queue `ops`, executions beside `sagas`, ticks from the apps' schedules."""

import os
from typing import Any

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

app = Celery("controlplane")
app.config_from_object(settings.CELERY)
app.autodiscover_tasks()


@app.on_after_finalize.connect
def gather_schedules(sender: Celery, **_: Any) -> None:
    """Beat's entries come from the apps, by the dotted paths in BEAT_SCHEDULES."""
    from controlplane.kernel import seams

    for path in settings.BEAT_SCHEDULES:
        sender.conf.beat_schedule.update(seams.resolve(path))
