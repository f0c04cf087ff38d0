"""The wire over real sockets: what arrives, what is sent, and when connections are kept."""

import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import Unsendable
from breakers.guard.messages import Request
from breakers.guard.transport import Wire, WireFailure, open_wire
from tests.breakers.guard.raw_server import Connection, RawServer, echo, saying

LIMIT = 1000

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request):
    """Front doors run on uvloop, the other processes on asyncio's own loop."""
    return request.param()


@pytest.fixture
async def wire_to():
    wires = []

    def make(url: str, *, roots=(), **settings) -> Wire:
        wire = Wire(TargetSettings("t", url, **settings), max_body=LIMIT, addresses=AddressRule(), roots=roots)
        wires.append(wire)
        return wire

    yield make
    for wire in wires:
        await wire.close()


async def get(wire: Wire, path: str = "/", method: str = "GET", timeout_s: float = 2.0, **request):
    return await wire.send(Request(method, path, **request), timeout_s=timeout_s)


async def test_the_answer_arrives_as_it_was_sent(wire_to):
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: \xc3\xa9\r\n"
    async with RawServer(saying(said + b"Content-Length: 3\r\n\r\n\x1f\x8b\x00")) as server:
        answer = await get(wire_to(server.url))
    assert (answer.status, answer.body) == (200, b"\x1f\x8b\x00")
    assert answer.headers == [
        ("content-encoding", "gzip"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-odd", "é"),
        ("content-length", "3"),
    ]


async def test_the_request_goes_below_the_base_url_with_framing_of_the_wires_own(wire_to):
    headers = [
        ("x-a", "1"),
        ("x-a", "2"),
        ("host", "elsewhere.test"),
        ("content-length", "99"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("expect", "100-continue"),
        ("user-agent", "them"),
    ]
    async with RawServer(echo) as server:
        answer = await get(
            wire_to(server.url + "/v2/"), "/a%20b;x", "POST", query="q=1&q=%32", headers=headers, body=b"hello"
        )
    head, _, body = answer.body.lower().partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"post /v2/a%20b;x?q=1&q=%32 http/1.1"
    assert body == b"hello"
    assert sorted(lines[1:]) == sorted(
        [
            b"x-a: 1",
            b"x-a: 2",
            b"user-agent: them",
            b"content-length: 5",
            b"host: %s" % server.url[7:].encode(),
        ]
    )


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/../admin", "/v2/admin"),
        ("/a/%2e%2E/../../admin", "/v2/admin"),
        ("/a/.%2e/b/.", "/v2/b/"),
        ("/..\\..\\admin", "/v2/..%5C..%5Cadmin"),
        ("/.\t./admin", "/v2/.%09./admin"),
        ("/a#b", "/v2/a%23b"),
        ("/a?b", "/v2/a%3Fb"),
        ("@evil.test/", "/v2/@evil.test/"),
        ("//evil.test/x", "/v2//evil.test/x"),
        ("/.hidden/a..b/...", "/v2/.hidden/a..b/..."),
        ("/%2Fa%20", "/v2/%2Fa%20"),
        ("/é", "/v2/%C3%A9"),
        ("", "/v2/"),
    ],
)
async def test_no_path_leads_out_of_the_registered_base_url(wire_to, path, sent):
    async with RawServer(echo) as server:
        answer = await get(wire_to(server.url + "/v2"), path)
    assert answer.body.split(b" ")[1].decode() == sent


async def test_a_query_can_not_end_the_request_line(wire_to):
    async with RawServer(echo) as server:
        answer = await get(wire_to(server.url), query="a=b c\r\nX: y#z'")
    assert answer.body.split(b" HTTP/1.1")[0] == b"GET /?a=b%20c%0D%0AX:%20y%23z'"


@pytest.mark.parametrize(("name", "value"), [("a b", "c"), ("x", "a\r\nb: c"), ("x", "\0")])
async def test_a_request_that_is_no_http_is_refused_unsent(wire_to, name, value):
    async with RawServer(echo) as server:
        with pytest.raises(Unsendable):
            await get(wire_to(server.url), headers=[(name, value)])
        assert server.accepted == 0


async def test_a_post_without_a_body_says_so_and_a_get_does_not(wire_to):
    async with RawServer(echo) as server:
        wire = wire_to(server.url)
        assert b"content-length: 0" in (await get(wire, method="POST")).body.lower()
        assert b"content-length" not in (await get(wire)).body.lower()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_answers_without_a_body_do_not_wait_for_one(wire_to, method, status):
    length = b"" if status == 204 else b"Content-Length: 5000\r\n"
    async with RawServer(saying(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, length), "wait")) as server:
        answer = await get(wire_to(server.url), method=method)
    assert (answer.status, answer.body) == (status, b"")
    assert ("content-length", "5000") in answer.headers or status == 204


async def test_bodies_that_end_with_the_connection_or_in_chunks_are_whole(wire_to):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"
    for said in (chunked, b"HTTP/1.0 200 OK\r\n\r\nabc"):
        async with RawServer(saying(said)) as server:
            assert (await get(wire_to(server.url))).body == b"abc"


# Redirects


def redirecting(hops: dict[bytes, bytes], status: int = 302):
    async def talk(connection: Connection) -> None:
        while True:
            request = await connection.request()
            location = hops.get(request.split(b" ")[1])
            if location is None:
                await connection.answer(request)
            else:
                await connection.answer(b"moved", status, (b"Location: " + location,))

    return talk


async def test_a_redirect_is_returned_and_not_followed(wire_to):
    async with RawServer(redirecting({b"/a": b"/b"})) as server:
        answer = await get(wire_to(server.url), "/a")
    assert (answer.status, answer.body) == (302, b"moved")
    assert ("location", "/b") in answer.headers


async def test_a_target_may_ask_for_redirects_within_its_origin_to_be_followed(wire_to):
    async with RawServer(redirecting({b"/a": b"b?c=d", b"/b?c=d": b"/e"})) as server:
        answer = await get(wire_to(server.url, follow_redirects=True), "/a", headers=[("x-a", "1")])
    assert answer.body.startswith(b"GET /e HTTP/1.1")
    assert b"x-a: 1" in answer.body.lower()


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/", "//127.0.0.1:1/x", "https://{host}/", "http://u:p@{host}/", "http://["]
)
async def test_a_redirect_to_elsewhere_is_returned_as_it_is(wire_to, location):
    hops: dict[bytes, bytes] = {}
    async with RawServer(redirecting(hops)) as server:
        hops[b"/a"] = location.format(host=server.url[7:]).encode()
        answer = await get(wire_to(server.url, follow_redirects=True), "/a")
        assert (answer.status, server.accepted) == (302, 1)


async def test_after_five_redirects_the_sixth_is_returned(wire_to):
    async with RawServer(redirecting({b"/": b"/"})) as server:
        assert (await get(wire_to(server.url, follow_redirects=True))).status == 302


@pytest.mark.parametrize(("status", "method", "body"), [(303, "GET", b""), (302, "GET", b""), (307, "POST", b"data")])
async def test_only_some_redirects_carry_the_body_on(wire_to, status, method, body):
    async with RawServer(redirecting({b"/a": b"/b"}, status)) as server:
        answer = await get(
            wire_to(server.url, follow_redirects=True), "/a", "POST", body=b"data", headers=[("content-type", "x")]
        )
    assert answer.body.startswith(method.encode())
    assert answer.body.partition(b"\r\n\r\n")[2] == body
    assert (b"content-type" in answer.body.lower()) == bool(body)


# Connections


async def test_calls_in_a_row_share_one_connection(wire_to):
    async with RawServer(echo) as server:
        wire = wire_to(server.url)
        for _ in range(5):
            await get(wire)
        assert server.accepted == 1


async def test_two_hundred_calls_at_once_all_come_back_to_their_callers(wire_to):
    async with RawServer(echo) as server:
        wire = wire_to(server.url)
        answers = await asyncio.gather(*(get(wire, f"/{n}", "POST", body=b"%d" % n) for n in range(200)))
    for n, answer in enumerate(answers):
        assert answer.body.startswith(b"POST /%d HTTP" % n)
        assert answer.body.endswith(b"\r\n\r\n%d" % n)


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_a_post_is_never_sent_twice_whatever_idle_connections_do(wire_to, leave):
    received: list[bytes] = []

    async def impatient(connection: Connection) -> None:
        received.append(await connection.request())
        await connection.answer()
        received.append(await connection.request())  # the second on a kept connection is read and never answered
        if leave == "reset":
            await connection.reset()

    async with RawServer(impatient) as server:
        wire = wire_to(server.url)
        failures = []
        for n in range(10):
            try:
                await get(wire, method="POST", body=b"%d" % n)
            except WireFailure as failure:
                failures.append(failure.error)
    assert failures == ["connection_lost"] * 5
    assert [request.partition(b"\r\n\r\n")[2] for request in received] == [b"%d" % n for n in range(10)]


async def test_an_idle_connection_that_the_server_closed_is_replaced_unnoticed(wire_to):
    received = 0

    async def one_answer(connection: Connection) -> None:
        nonlocal received
        await connection.request()
        received += 1
        await connection.answer()

    async with RawServer(one_answer) as server:
        wire = wire_to(server.url)
        for _ in range(5):
            assert (await get(wire, method="POST", body=b"x")).status == 200
            await asyncio.sleep(0.02)
        assert received == server.accepted == 5


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
async def test_a_cancelled_call_closes_its_connection_at_once(wire_to, said):
    gone, began = asyncio.Event(), asyncio.Event()

    async def talk(connection: Connection) -> None:
        await connection.request()
        await connection.say(said)
        began.set()
        await connection.hung_up()
        gone.set()

    async with RawServer(talk) as server:
        call = asyncio.create_task(get(wire_to(server.url)))
        await began.wait()
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 0.5)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_no_socket_outlives_failures_cancellations_and_close():
    async def hang(connection: Connection) -> None:
        await connection.request()
        await connection.hung_up()

    async def everything() -> None:
        async with RawServer(hang) as hanging, RawServer(echo) as well, RawServer(saying(b"?!\r\n\r\n")) as babbling:
            wires = [
                open_wire(TargetSettings("t", server.url), max_body=LIMIT, addresses=AddressRule())
                for server in (hanging, well, babbling)
            ]
            calls = [asyncio.create_task(get(wire, timeout_s=0.1)) for wire in wires for _ in range(20)]
            await asyncio.sleep(0.05)
            for call in calls[:10]:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            await asyncio.gather(*(wire.close() for wire in wires))
        await asyncio.sleep(0.05)

    await everything()  # the first time, the loop opens files of its own
    before = open_files()
    await everything()
    assert open_files() <= before, "fewer when something of an earlier test was closed meanwhile"


async def test_closing_lets_the_calls_under_way_end_and_takes_no_more():
    async def slow(connection: Connection) -> None:
        await connection.request()
        await asyncio.sleep(0.1)
        await connection.answer()

    async with RawServer(slow) as server:
        wire = open_wire(TargetSettings("t", server.url), max_body=LIMIT, addresses=AddressRule())
        call = asyncio.create_task(get(wire))
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await wire.close()
        assert time.monotonic() - started > 0.02
        assert (await call).status == 200
        with pytest.raises(WireFailure):
            await get(wire)
        assert server.accepted == 1
