"""Beat's ticks for circuits and use. Every entry expires, so that a queue that stood still does not replay the past."""

from celery.schedules import schedule


def every(task: str, seconds: float) -> dict[str, object]:
    return {"task": task, "schedule": schedule(seconds), "options": {"expires": max(2.0, seconds)}}


ENTRIES = {
    "breakers.tick": every("breakers.tick", 1.0),
    "breakers.keep_history": every("breakers.keep_history", 1.0),
    "breakers.mirror_delays": every("breakers.mirror_delays", 1.0),
    "breakers.expire": every("breakers.expire", 2.0),
    "breakers.count_use": every("breakers.count_use", 15.0),
    "breakers.note_used_keys": every("breakers.note_used_keys", 20.0),
    "breakers.prune": every("breakers.prune", 86_400.0),
}
