"""Background traffic follows the front door: it waits for it, comes with it, stops without it and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.servers.stack import quiet_ports

from .equipment import PracticeRange, StandIn


def _eventually(true: Callable[[], bool], within_s: float = 6) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return true()


def _words(running: PracticeRange) -> str:
    return str(running.control("GET", "/services").json["traffic"])


def test_traffic_stops_while_the_front_door_is_away_and_resumes(practice: PracticeRange) -> None:
    port = quiet_ports(1)
    running = PracticeRange(f"http://127.0.0.1:{port}", traffic=True)
    try:
        assert "waits" in _words(running)
        first = StandIn(port)
        assert _eventually(lambda: len({asked["path"] for asked in first.asked}) > 4)
        assert "runs" in _words(running)
        first.stop()
        assert _eventually(lambda: "waits" in _words(running))
        second = StandIn(port)
        assert _eventually(lambda: any(asked["path"] != "/-/healthz" for asked in second.asked))
        second.stop()
        assert running.process.poll() is None
    finally:
        assert running.stop() == 0


def test_no_traffic_when_it_is_turned_off(practice: PracticeRange, frontdoor: StandIn) -> None:
    time.sleep(0.5)
    assert frontdoor.asked == []
    assert "turned off" in practice.control("GET", "/services").json["traffic"]
