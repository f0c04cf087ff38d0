"""The site's client says what came of a call, and a call that nobody waits for any more holds nothing up."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from compositions.practice_range.frontdoor_client import FrontDoor, FrontDoorAway

from .equipment import StandIn


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_the_call_arrives_as_it_was_meant(frontdoor: StandIn) -> None:
    frontdoor.on("POST /subscribe", 201, {"id": "é"}, Retry_After="7", X_Other="1")
    async with FrontDoor(frontdoor.url) as client:
        reply = await client.ask("POST", "/subscribe", query={"q": "a b&c"}, body={"x": 1}, headers={"X-Key": "k"})
    assert (reply.status, reply.document, reply.headers) == (201, {"id": "é"}, {"Retry-After": "7"})
    asked = frontdoor.asked[-1]
    assert (asked["target"], asked["body"]) == ("/subscribe?q=a+b%26c", '{"x": 1}')
    assert asked["headers"]["content-type"] == "application/json"
    assert asked["headers"]["x-key"] == "k"


async def test_an_address_where_nobody_listens_is_a_front_door_away(listener: socket.socket) -> None:
    url = url_of(listener)
    listener.close()
    async with FrontDoor(url) as client:
        with pytest.raises(FrontDoorAway):
            await client.ask("GET", "/")


async def test_an_answer_that_breaks_off_has_no_status(listener: socket.socket) -> None:
    def break_off() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    threading.Thread(target=break_off, daemon=True).start()
    async with FrontDoor(url_of(listener)) as client:
        reply = await client.ask("GET", "/")
    assert (reply.status, reply.ok) == (0, False)


async def test_a_call_that_is_cancelled_gives_its_thread_back_at_once(listener: socket.socket) -> None:
    before = set(threading.enumerate())
    async with FrontDoor(url_of(listener)) as client:
        calls = [asyncio.create_task(client.ask("GET", "/")) for _ in range(3)]
        await asyncio.sleep(0.1)
        threads = set(threading.enumerate()) - before
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    assert len(threads) == 3
    for thread in threads:
        thread.join(1)
        assert not thread.is_alive()
