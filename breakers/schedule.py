"""Beat's ticks for circuits and use. Every entry expires, so that a queue that stood still does not replay the past."""

from celery.schedules import schedule


def _every(task: str, seconds: float) -> dict[str, object]:
    return {"task": task, "schedule": schedule(seconds), "options": {"expires": max(2.0, seconds)}}


ENTRIES = {
    "breakers.tick": _every("breakers.tick", 1.0),
    "breakers.keep_history": _every("breakers.keep_history", 1.0),
    "breakers.mirror_delays": _every("breakers.mirror_delays", 1.0),
    "breakers.expire": _every("breakers.expire", 2.0),
    "breakers.count_use": _every("breakers.count_use", 15.0),
    "breakers.note_used_keys": _every("breakers.note_used_keys", 20.0),
    "breakers.prune": _every("breakers.prune", 86_400.0),
}
