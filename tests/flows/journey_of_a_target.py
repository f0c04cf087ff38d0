"""What the stories of tests/flows share: a target behind a route, broken and mended at will."""

import time
from collections.abc import Callable
from typing import Any

from tests.servers.downstream import Downstream
from tests.servers.stack import Answer, Stack

BREAKER: dict[str, Any] = {
    "policies": [{"type": "consecutive_failures", "threshold": 5}],
    "wait_duration_in_open_state_s": 1,
}
PROBE: dict[str, Any] = {"path": "/health", "interval_s": 1, "count": 2, "timeout_ms": 500}


class Guarded:
    """A target `slug` behind route `/{slug}/{rest+}` and in a journey of the same name."""

    def __init__(self, stack: Stack, downstream: Downstream, slug: str, **blocks: Any) -> None:
        self.stack, self.downstream, self.slug = stack, downstream, slug
        target = {"base_url": downstream.url, "breaker": BREAKER, "probe": PROBE} | blocks
        integration = {"type": "target", "target": slug, "path": "/{rest}"}
        journey = {"title": slug.title(), "targets": [slug], "severity": "warning", "messages": {"en": "Slow today."}}
        self.put(f"targets/{slug}", target)
        route = {"methods": ["GET", "POST"], "path": f"/{slug}/{{rest+}}", "integration": integration}
        self.put(f"routes/{slug}", route)
        self.put(f"journeys/{slug}", journey)
        self.eventually(lambda: self.applied("config"), "both workers have the configuration")

    def put(self, path: str, document: dict[str, Any]) -> Any:
        answer = self.stack.api("PUT", path, document)
        assert answer.status in (200, 201), answer.body
        return answer.json()

    def applied(self, path: str) -> bool:
        workers = self.stack.api("GET", path).json()["workers"]
        return workers["total"] >= 1 and workers["applied"] == workers["total"]

    def get(self, path: str = "article") -> Answer:
        return self.stack.call("GET", f"/{self.slug}/{path}")

    def refuses(self) -> bool:
        """Whether a call is refused; asked by POST, which no cached answer can stand in for."""
        return self.stack.call("POST", f"/{self.slug}/order", {}).status == 503

    def breaker(self) -> Any:
        return self.stack.api("GET", f"breakers/{self.slug}").json()

    def delayed(self) -> bool:
        return bool(self.stack.call("GET", f"/-/processing-delay/{self.slug}").json()["delayed"])

    def trip(self) -> None:
        self.downstream.behave("/broken", status=500)
        self.downstream.behave("/health", status=500)
        for _ in range(5):
            assert self.get("broken").status == 500

    def mend(self) -> None:
        self.downstream.reset()

    @staticmethod
    def eventually(condition: Callable[[], Any], what: str, within_s: float = 5.0) -> float:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < within_s, f"not within {within_s:g} s: {what}"
            time.sleep(0.02)
        return time.monotonic() - began
