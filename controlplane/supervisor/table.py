"""The processes of one machine, a line each: what is run, and which signals ask it to end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from django.conf import settings

from controlplane.supervisor import embedded
from controlplane.supervisor.child import Child

PROGRAMS = Path(sys.executable).parent  # not resolved: in .venv it is a link to the system's Python
GRANIAN = [
    "--no-ws",
    "--respawn-failed-workers",
    "--respawn-interval",
    "0.5",
    # An open stream would hold the shutdown for 15 s.
    "--workers-kill-timeout",
    "3",
]
CELERY = ["-A", "controlplane"]
# Celery waits for running tasks without limit after TERM; QUIT ends it.
CELERY_STOP = (signal.SIGTERM, signal.SIGQUIT)


def valkey() -> Child:
    return Child("valkey", embedded.argv(settings.DATA_DIR))


def servers() -> list[Child]:
    """The two listeners: they start first, so that the first page comes early."""
    control = ["controlplane.wsgi:application", "--interface", "wsgi", "--blocking-threads", "4"]
    frontdoor = [settings.FRONTDOOR_APP, "--interface", "asgi", "--loop", "uvloop"]
    workers = ["--workers", str(settings.FRONTDOOR_WORKERS)]
    return [
        Child("control", program("granian", *listen(settings.CONTROL_PORT), *GRANIAN, *control)),
        Child("frontdoor", program("granian", *listen(settings.FRONTDOOR_PORT), *GRANIAN, *workers, *frontdoor)),
    ]


def background() -> list[Child]:
    """What works without being asked."""
    worker = ["worker", "-Q", "ops", "-P", "threads", "-c", "4", "-n", "ops@%h", "--without-gossip", "--without-mingle"]
    # Executions live on its own loop, beside Celery's; tasks are not sent to it.
    sagas = ["worker", "-Q", "sagas", "-P", "solo", "-n", "sagas@%h", "--without-gossip", "--without-mingle"]
    children = [
        Child("worker", program("celery", *CELERY, *worker), CELERY_STOP),
        Child("sagas", program("celery", *CELERY, *sagas), CELERY_STOP),
        Child("beat", program("celery", *CELERY, "beat", "-S", "redbeat.RedBeatScheduler"), CELERY_STOP),
    ]
    if settings.DEMO:
        children.append(Child("downstreams", [sys.executable, "-m", settings.DEMO_SERVER]))
    return children


def program(name: str, *arguments: str) -> list[str]:
    """Run through this Python: the first line of an installed program names the place where it was installed."""
    return [sys.executable, str(PROGRAMS / name), *arguments]


def listen(port: int) -> list[str]:
    return ["--host", settings.BIND_HOST, "--port", str(port)]
