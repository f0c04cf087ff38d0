"""The delay flag as server-sent events: said at once, said again only when it is news, and ended with its reader."""

import json
import socket

import pytest

from .equipment import Door, eventually


class Reader:
    """A page that listens."""

    def __init__(self, port: int, query: str = "", *fields: tuple[str, str]) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        lines = [f"GET /-/delay-events{query} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in fields]
        self.wire.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.stream = self.wire.makefile("rb")
        self.status = int(self.stream.readline().split(b" ")[1])
        self.fields = {}
        while line := self.stream.readline().rstrip(b"\r\n"):
            name, _, value = line.decode().partition(": ")
            self.fields[name.lower()] = value

    def event(self) -> dict:
        """The next event's id and data; chunk sizes and comments are passed over."""
        found: dict = {}
        while "data" not in found:
            name, _, value = self.stream.readline().decode().rstrip().partition(": ")
            if name in ("id", "event", "data"):
                found[name] = value
        return {**found, "data": json.loads(found["data"])}

    def close(self) -> None:
        self.stream.close()
        self.wire.close()


def test_a_reader_is_told_at_once_and_again_only_of_news(door: Door) -> None:
    reader = Reader(door.port, "?journey=subscribe&lang=de")
    assert reader.status == 200
    assert reader.fields["content-type"].startswith("text/event-stream")
    assert reader.fields["access-control-allow-origin"] == "*"
    first = reader.event()
    assert first["event"] == "delay"
    assert first["data"]["journey"] == "subscribe"
    asked = door.ask("/-/processing-delay/subscribe?lang=de")
    assert first["id"] == asked.headers["etag"]
    again = Reader(door.port, "?journey=subscribe&lang=de", ("Last-Event-ID", first["id"]))
    again.wire.settimeout(1.5)
    with pytest.raises(TimeoutError):
        again.event()
    reader.close()
    again.close()


def test_what_cannot_be_listened_to_is_refused_as_a_problem(door: Door) -> None:
    for target, method, status in (
        ("/-/delay-events?journey=nope", "GET", 404),
        ("/-/delay-events", "POST", 405),
    ):
        refused = door.ask(target, method)
        assert (refused.status, refused.headers["content-type"]) == (status, "application/problem+json")
    assert door.ask("/-/delay-events", "OPTIONS").status == 204


def test_a_reader_that_leaves_takes_nothing_with_it(door: Door) -> None:
    for _ in range(20):
        reader = Reader(door.port)
        reader.event()
        reader.close()
    assert eventually(lambda: door.ask("/-/processing-delay").status == 200)
