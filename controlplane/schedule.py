"""The ground's ticks for beat. Every entry expires, so that a queue that stood still does not replay the past."""

from celery.schedules import schedule

ENTRIES = {
    "controlplane.beat.tick": {
        "task": "controlplane.beat.tick",
        "schedule": schedule(1.0),
        "options": {"expires": 2},
    },
    "controlplane.config.republish": {
        "task": "controlplane.config.republish",
        "schedule": schedule(5.0),
        "options": {"expires": 5},
    },
    "controlplane.access.follow": {
        "task": "controlplane.access.follow",
        "schedule": schedule(10.0),
        "options": {"expires": 10},
    },
    "controlplane.access.forget": {
        "task": "controlplane.access.forget",
        "schedule": schedule(3600.0),
        "options": {"expires": 600},
    },
    "controlplane.config.prune": {
        "task": "controlplane.config.prune",
        "schedule": schedule(3600.0),
        "options": {"expires": 600},
    },
    "controlplane.aws.reconcile": {
        "task": "controlplane.aws.reconcile",
        "schedule": schedule(2.0),
        "options": {"expires": 2},
    },
    "controlplane.aws.prune": {
        "task": "controlplane.aws.prune",
        "schedule": schedule(86_400.0),
        "options": {"expires": 600},
    },
}
