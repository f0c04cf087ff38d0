"""The pages that a circuit links to: each service's runbook, and the status page of its provider."""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

from compositions.practice_range import pages
from compositions.practice_range.behaviours import in_plain_words
from compositions.practice_range.services import Services
from compositions.practice_range.wire import Answer, Request


@cache
def _runbooks() -> dict[str, Any]:
    return dict(json.loads(Path(__file__).with_name("runbooks.json").read_text(encoding="utf-8")))


class Notices:
    """Answers /runbooks/{service} and /status/{service}."""

    def __init__(self, services: Services, frontdoor_url: str) -> None:
        self._services, self._frontdoor_url = services, frontdoor_url

    def answer(self, request: Request) -> Answer | None:
        """The answer, or None when the path is neither a runbook nor a status page."""
        match request.method, request.path.strip("/").split("/"):
            case "GET" | "HEAD", ["runbooks", slug] if slug in self._services.by_slug:
                return self._runbook(slug)
            case "GET" | "HEAD", ["status", slug] if slug in self._services.by_slug:
                return self._status(slug)
        return None

    def _runbook(self, slug: str) -> Answer:
        runbook = _runbooks()[slug]
        steps = pages.join(pages.fill("runbook_step.html", step=step) for step in runbook["steps"])
        title = self._services.by_slug[slug].title
        body = pages.fill("runbook.html", title=title, notices=runbook["notices"], steps=steps)
        return pages.page(body, frontdoor_url=self._frontdoor_url)

    def _status(self, slug: str) -> Answer:
        service = self._services.by_slug[slug]
        healthy = service.setting.behaviour == "healthy"
        body = pages.fill(
            "status.html",
            title=service.title,
            behaviour=service.setting.behaviour,
            verdict="Operational" if healthy else "Incident",
            in_plain_words=in_plain_words(service.setting),
            since=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(service.since)),
        )
        return pages.page(body, frontdoor_url=self._frontdoor_url)
