"""Beat's ticks for the flow. Every entry expires, so that a queue that stood still does not replay the past."""

from breakers.schedule import every

ENTRIES = {
    "compositions.go_on_in_bulk": every("compositions.go_on_in_bulk", 1.0),
    "compositions.take_from_queues": every("compositions.take_from_queues", 2.0),
    "compositions.keep_noted": every("compositions.keep_noted", 5.0),
    "compositions.purge_intents": every("compositions.purge_intents", 3600.0),
    "compositions.prune_executions": every("compositions.prune_executions", 3600.0),
    "compositions.prune_noted": every("compositions.prune_noted", 3600.0),
}
