"""Answers are read the same however they are cut into pieces, and nothing that is not HTTP gets through."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.guard.faults import WireFailure
from breakers.guard.http1 import MAX_HEAD, Incoming, request_bytes
from breakers.guard.messages import Request

LIMIT = 100

ANSWERS = {
    "sized": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \t\r\n\r\nhello", b"hello"),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "chunked": (
        b"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n0003\r\nllo\r\n0\r\nT: x\r\nU: y\r\n\r\n",
        b"hello",
    ),
    "empty in chunks": (b"HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    "after an interim answer": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"hello",
    ),
    "without a body": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n", b""),
}


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@pytest.mark.parametrize("name", ANSWERS)
@given(cuts=st.lists(st.integers(0, 10_000), max_size=8))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(name, cuts):
    said, body = ANSWERS[name]
    incoming = Incoming("GET", LIMIT)
    complete = [incoming.feed(piece) for piece in pieces(said, cuts)]
    assert complete == [False] * (len(complete) - 1) + [True]
    assert incoming.body == body
    assert incoming.reusable


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_byte_by_byte(name):
    said, body = ANSWERS[name]
    incoming = Incoming("GET", LIMIT)
    complete = [incoming.feed(said[i : i + 1]) for i in range(len(said))]
    assert complete.index(True) == len(said) - 1
    assert incoming.body == body


@pytest.mark.parametrize("name", ANSWERS)
@given(extra=st.binary(min_size=1, max_size=9))
def test_a_connection_with_more_on_it_than_the_answer_is_not_used_again(name, extra):
    said, body = ANSWERS[name]
    incoming = Incoming("GET", LIMIT)
    assert incoming.feed(said + extra)
    assert incoming.body == body
    assert not incoming.reusable


@pytest.mark.parametrize("framing", [b"Content-Length: 0", b"Content-Length: 9", b"Transfer-Encoding: chunked"])
@given(extra=st.one_of(st.binary(min_size=1, max_size=9), st.sampled_from([b"0", b"0\r\n\r\n", b"\r\n", b"HTTP/1.1 "])))
def test_the_answer_to_a_head_ends_with_its_headers(framing, extra):
    said = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
    alone, followed = Incoming("HEAD", LIMIT), Incoming("HEAD", LIMIT)
    assert [alone.feed(said), alone.body, alone.reusable] == [True, b"", True]
    assert [followed.feed(said + extra), followed.body, followed.reusable] == [True, b"", False]
    assert followed.headers == alone.headers


def test_of_two_answers_in_one_piece_only_the_first_is_read():
    incoming = Incoming("GET", LIMIT)
    other = b"HTTP/1.1 500 No\r\nX: y\r\nContent-Length: 3\r\n\r\nbad"
    assert incoming.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + other)
    assert (incoming.status, incoming.headers, incoming.body) == (200, [("content-length", "2")], b"ok")
    assert not incoming.reusable


@given(cuts=st.lists(st.integers(0, 10_000), max_size=4), at=st.integers(0, 500), noise=st.binary(max_size=6))
def test_damaged_answers_end_in_a_named_failure_or_a_body_within_the_limit(cuts, at, noise):
    for said, _ in ANSWERS.values():
        damaged = said[: at % len(said)] + noise + said[at % len(said) :]
        incoming = Incoming("GET", LIMIT)
        try:
            if not any(incoming.feed(piece) for piece in pieces(damaged, cuts)):
                incoming.end()
        except WireFailure as failure:
            assert failure.error in ("malformed", "oversized", "connection_lost")  # noqa: PT017
        assert len(incoming.body) <= LIMIT


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"HTTP/2.0 200 OK\r\n\r\n", "malformed"),
        (b"HTTP/0.9 200 OK\r\n\r\n", "malformed"),
        (b"RTSP/1.0 200 OK\r\n\r\n", "malformed"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed"),
        (b"HTTP/1.1 101 OK\r\n\r\n", "malformed"),
        (b"HTTP/1.1 103 OK\r\nContent-Length: 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 150 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nA:\r\n folded\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "malformed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: ５\r\n\r\n".encode(), "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nA\n0\n\n" + b"x" * 5000, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nABC", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101, "oversized"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n" + b"a" * 101, "oversized"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * MAX_HEAD, "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * MAX_HEAD, "malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "oversized"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * MAX_HEAD, "malformed"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * MAX_HEAD + b"Content-Length: 1\r\n\r\na", "malformed"),
        (b"HTTP/1.1 103 OK\r\nA: b\r\n\r\n" * MAX_HEAD, "malformed"),
    ],
)
def test_what_http_does_not_allow_is_refused_at_once(head, error):
    with pytest.raises(WireFailure) as caught:
        Incoming("GET", LIMIT).feed(head)
    assert caught.value.error == error


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
    ],
)
def test_connections_are_kept_as_the_server_says(head, reusable):
    incoming = Incoming("GET", LIMIT)
    assert incoming.feed(head)
    assert incoming.reusable is reusable


def test_trailers_are_not_passed_on_as_headers():
    incoming = Incoming("GET", LIMIT)
    assert incoming.feed(ANSWERS["chunked"][0])
    assert incoming.headers == [("transfer-encoding", "Chunked")]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_header_values_are_text_in_utf_8_or_else_latin_1(encoding):
    incoming = Incoming("GET", LIMIT)
    # U+0085 is a line end to Python's splitlines(), and none to HTTP.
    incoming.feed("HTTP/1.1 200 OK\r\nX: caf\xe9\x85y\r\nContent-Length: 0\r\n\r\n".encode(encoding))
    assert incoming.headers == [("x", "caf\xe9\x85y"), ("content-length", "0")]


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_part_of_a_request_can_add_a_line_to_it(name, value, path, query):
    request = Request("GET", path, query, [(name, value)])
    try:
        message = request_bytes(request, "/base", "host.test")
    except (ValueError, UnicodeEncodeError):
        return
    head, end, rest = message.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert (end, rest) == (b"\r\n\r\n", b"")
    assert len(lines) in (3, 4)
    assert lines[0].startswith(b"GET /base/")
    assert lines[0].count(b" ") == 2
    assert not any(b"\n" in line or b"\r" in line for line in lines)
