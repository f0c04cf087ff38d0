"""The range speaks HTTP/1.1 well enough for any client, and survives what is not HTTP."""

from __future__ import annotations

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from .equipment import PracticeRange


def _raw(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_one_connection_serves_many_requests(practice: PracticeRange) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", practice.addresses.port_of("articles"), timeout=3)
    connection.connect()
    first = connection.sock
    for _ in range(5):
        connection.request("GET", "/articles/rogue-wave")
        assert connection.getresponse().read()
    assert connection.sock is first
    connection.close()


def test_head_has_the_headers_of_get_and_no_body(practice: PracticeRange) -> None:
    whole = practice.service("articles", "GET", "/articles")
    head = practice.service("articles", "HEAD", "/articles")
    assert (head.status, head.text) == (200, "")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_a_chunked_body_is_read(practice: PracticeRange) -> None:
    body = b'5\r\n{"ema\r\n1a\r\nil": "reader@example.org"}\r\n0\r\n\r\n'
    head = b"POST /subscriptions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = _raw(practice.addresses.port_of("newsletter"), head + body)
    assert answer.startswith(b"HTTP/1.1 201 Created")


def test_a_client_that_expects_100_continue_is_told_to_go_on(practice: PracticeRange) -> None:
    head = b"POST /checks HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    answer = _raw(practice.addresses.port_of("fraud"), head + b"{}")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    ],
)
def test_what_is_not_a_request_is_refused_and_the_server_goes_on(
    practice: PracticeRange, sent: bytes, status: int
) -> None:
    assert _raw(practice.addresses.port, sent).startswith(b"HTTP/1.1 %d " % status)
    assert practice.control("GET", "/healthz").status == 200


def test_many_clients_at_once_are_all_answered(practice: PracticeRange) -> None:
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda _: practice.service("articles", "GET", "/articles"), range(200)))
    assert {reply.status for reply in replies} == {200}
