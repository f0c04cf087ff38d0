"""The panel of Switchgear's own processes: front doors and their configuration, beat, the queue."""

from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest

from breakers import health
from controlplane.aws import health as aws_health
from controlplane.dashboard.panels import Panel

from .board import board_of
from .verdict import BEAT_LATE_MS

KINDS = {"frontdoor": "front door", "runner": "Celery worker", "saga": "saga worker", "control": "control"}


class Workers(Panel):
    slug: ClassVar[str] = "workers"
    title: ClassVar[str] = "Switchgear itself"
    template: ClassVar[str] = "breakers/panels/workers.html"
    order: ClassVar[int] = 30

    def context(self, request: HttpRequest) -> dict[str, Any]:
        board = board_of(request)
        at_ms = board.read_ms or board.now_ms
        beat_ms = board.fleet.beat_ms
        return {
            "board": board,
            "fleet": board.fleet,
            "workers": [
                {"worker": worker, "kind": KINDS[worker.kind], "fresh": worker.fresh(at_ms)} for worker in board.workers
            ],
            "runners": sum(worker.kind == "runner" and worker.fresh(at_ms) for worker in board.workers),
            "limits": health.warning([msgspec.to_builtins(w) for w in board.workers if w.fresh(at_ms)], board.ok),
            "held": aws_health.warning(),
            "beat_late": beat_ms is None or at_ms - beat_ms > BEAT_LATE_MS,
        }
