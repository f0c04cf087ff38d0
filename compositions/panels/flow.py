"""The board's panel of what is under way: pipes that stand still or drain, and what waits for somebody."""

from typing import Any, ClassVar

import msgspec
from django.http import HttpRequest

from compositions import health
from compositions.models import Pipe
from compositions.panels.pipes import PipeRow, rows
from controlplane.dashboard.panels import Panel


class Alert(msgspec.Struct):
    """One sentence with where to go; `bad`: somebody must act."""

    words: str
    href: str
    bad: bool


class Flow(Panel):
    slug: ClassVar[str] = "flow"
    title: ClassVar[str] = "Intents and sagas"
    template: ClassVar[str] = "compositions/panels/flow.html"
    order: ClassVar[int] = 15

    def context(self, request: HttpRequest) -> dict[str, Any]:
        pipes: list[PipeRow] = [row for row in rows(Pipe.objects.all()) if row.stopped or row.draining or row.paused]
        return {"pipes": pipes, "alerts": alerts(health.attention())}


def alerts(found: health.Attention) -> list[Alert]:
    idle = bool(found.work) and not found.workers
    said = (
        (found.not_undone, "could not be undone: {0} saga{1}", "/executions/?status=COMPENSATION_FAILED", True),
        (idle, "No saga worker is alive: what comes in is accepted and waits", "/executions/?status=RUNNING", True),
        (found.dead, "{0} dead letter{1}", "/pipes/", True),
        (found.late, "{0} late task{1} of people", "/tasks/?show=late", True),
        (found.waiting - found.late, "{0} task{1} for a person", "/tasks/", False),
    )
    return [
        Alert(words.format(count, "" if count == 1 else "s").capitalize(), href, bad)
        for count, words, href, bad in said
        if count
    ]
