"""Fixtures: a front door process that has lost Valkey and database, and the downstream behind it."""

from collections.abc import Iterator

import pytest

from controlplane.config.pieces import Piece

from .equipment import Door, Downstream, free_port, journey, route, target

ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")


def stopped(slug: str, static: dict) -> tuple[Piece, Piece]:
    """A target that an operator has stopped, with an answer that stands in."""
    order = {"state": "FORCED_OPEN", "reason": "deploy", "by": "ann", "since_ms": 1, "expires_at_ms": None}
    return target(slug, free_port(), fallback={"static": static}), Piece("override", slug, order).sealed()


@pytest.fixture(scope="package")
def echo() -> Iterator[Downstream]:
    server = Downstream()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def door(tmp_path_factory: pytest.TempPathFactory, echo: Downstream) -> Iterator[Door]:
    """Its routes come from the last-good file: neither Valkey nor a database is there."""
    pieces = [
        target("echo", echo.port),
        target("brittle", echo.port, breaker={"policies": [{"type": "consecutive_failures", "threshold": 2}]}),
        target("gone", free_port()),
        *stopped("static", {"content_type": "application/json", "body": {"articles": []}}),
        *stopped("garbled", {"content_type": "text/plain\r\nX-Smuggled: 1", "body": "x"}),
        route("all", "/echo/{rest+}", "echo", *ANY),
        route("item", "/items/{id}", "echo", at="/v2/things/{id}"),
        route("made", "/items", "echo", "POST"),
        route("hang", "/hang/{rest+}", "echo"),
        route("cookies", "/cookies", "echo"),
        route("heads", "/heads", "echo", "HEAD", "GET"),
        route("empty", "/empty", "echo"),
        route("gone", "/gone", "gone"),
        route("static", "/static", "static"),
        route("garbled", "/garbled", "garbled"),
        journey("subscribe", "brittle", en="We have received your order.", de="Ihre Bestellung ist da."),
    ]
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    data_dir = tmp_path_factory.mktemp("frontdoor")
    opened = Door(data_dir, pieces, redis_url=nowhere, MAX_BODY_BYTES="100000")
    yield opened
    opened.stop()
