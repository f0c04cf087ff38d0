"""Every way in which a call can fail has its name, over real sockets."""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import time

import pytest
import uvloop

from breakers.core.outcomes import ERRORS
from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import FAILURES
from breakers.guard.messages import Request
from breakers.guard.transport import Wire, WireFailure
from tests.breakers.guard.raw_server import Connection, RawServer, closed_port, saying

LIMIT = 1000

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request):
    """Front doors run on uvloop, the other processes on asyncio's own loop."""
    return request.param()


OK = b"HTTP/1.1 200 OK\r\n"


async def failure(url: str, *, timeout_s: float = 2.0, roots: tuple[bytes, ...] = ()) -> WireFailure:
    wire = Wire(TargetSettings("t", url), max_body=LIMIT, addresses=AddressRule(), roots=roots)
    try:
        with pytest.raises(WireFailure) as caught:
            await wire.send(Request("GET", "/"), timeout_s=timeout_s)
    finally:
        await wire.close()
    assert caught.value.error in ERRORS
    assert caught.value.detail
    return caught.value


def test_every_named_fault_has_its_error():
    assert FAILURES.keys() == ERRORS.keys()


CASES = {
    "closed before the answer": (b"", "close", "connection_lost"),
    "half closed before the answer": (b"", "half_close", "connection_lost"),
    "reset before the answer": (b"", "reset", "connection_lost"),
    "reset mid-headers": (OK + b"Conte", "reset", "connection_lost"),
    "closed mid-headers": (OK + b"Conte", "close", "connection_lost"),
    "reset mid-body": (OK + b"Content-Length: 10\r\n\r\nabc", "reset", "connection_lost"),
    "closed mid-body": (OK + b"Content-Length: 10\r\n\r\nabc", "close", "connection_lost"),
    "half closed mid-body": (OK + b"Content-Length: 10\r\n\r\nabc", "half_close", "connection_lost"),
    "closed mid-chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "close", "connection_lost"),
    "closed before the last chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "close", "connection_lost"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", "wait", "malformed"),
    "binary noise": (bytes(range(256)), "wait", "malformed"),
    "only text": (b"hello, world\n", "close", "malformed"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "wait", "malformed"),
    "a broken header": (OK + b"no colon here\r\n\r\n", "wait", "malformed"),
    "a header with a NUL": (OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", "wait", "malformed"),
    "a length that is no number": (OK + b"Content-Length: many\r\n\r\n", "wait", "malformed"),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 3\r\n\r\nabc", "wait", "malformed"),
    "bad chunking": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", "wait", "malformed"),
    "endless headers": (OK + b"X: %s\r\n\r\n" % (b"a" * 700_000), "wait", "malformed"),
    "a switch of protocols": (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "wait", "malformed"),
    "too large by its own word": (OK + b"Content-Length: 1001\r\n\r\n", "wait", "oversized"),
    "too large in chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n%s\r\n" % (b"a" * 1001),
        "wait",
        "oversized",
    ),
    "too large without a length": (OK + b"\r\n" + b"a" * 1001, "wait", "oversized"),
    "a length and chunks": (
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n%s\r\n" % (b"a" * 1001),
        "wait",
        "malformed",
    ),
}


@pytest.mark.parametrize(("said", "then", "name"), CASES.values(), ids=CASES.keys())
async def test_what_the_server_does_wrong_is_named(said, then, name):
    async with RawServer(saying(said, then)) as server:
        started = time.monotonic()
        assert (await failure(server.url)).error == name
        assert time.monotonic() - started < 1.5


async def test_a_body_of_exactly_the_limit_passes():
    async with RawServer(saying(OK + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000)) as server:
        wire = Wire(TargetSettings("t", server.url), max_body=LIMIT, addresses=AddressRule())
        assert len((await wire.send(Request("GET", "/"), timeout_s=2)).body) == 1000
        await wire.close()


async def test_an_oversized_answer_is_not_read_on():
    hung_up = asyncio.Event()

    async def endless(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while not connection._writer.is_closing():
                await connection.say(b"10000\r\n" + b"a" * 65536 + b"\r\n")
        hung_up.set()

    async with RawServer(endless) as server:
        assert (await failure(server.url)).error == "oversized"
        await asyncio.wait_for(hung_up.wait(), 1)


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_a_connection_that_is_accepted_and_dropped_is_lost(leave):
    async def drop(connection: Connection) -> None:
        if leave == "reset":
            await connection.reset(after_s=0)
        connection.close()

    async with RawServer(drop) as server:
        for _ in range(10):
            assert (await failure(server.url)).error == "connection_lost"


async def test_a_refused_connection_is_a_connect_error():
    assert (await failure(f"http://127.0.0.1:{closed_port()}")).error == "connect_error"


async def test_a_name_that_does_not_exist_is_a_connect_error():
    found = await failure("http://no-such-host.invalid")
    assert found.error == "connect_error"
    assert "no-such-host.invalid" in found.detail


async def test_a_connection_that_never_comes_about_is_a_timeout():
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the backlog, so that the next SYN goes unanswered
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        await times_out(f"http://127.0.0.1:{listener.getsockname()[1]}")


async def times_out(url: str) -> None:
    started = time.monotonic()
    assert (await failure(url, timeout_s=0.25)).error == "timeout"
    assert 0.2 < time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "said", [b"", OK, OK + b"Content-Length: 9\r\n\r\nabc"], ids=["before", "in headers", "in body"]
)
async def test_silence_is_a_timeout_at_any_point(said):
    async with RawServer(saying(said, "wait")) as server:
        await times_out(server.url)


@pytest.mark.parametrize("start", [OK + b"Content-Length: 999\r\n\r\n", OK + b"X: "], ids=["body", "headers"])
async def test_a_slow_drip_does_not_outlast_the_deadline(start):
    async def drip(connection: Connection) -> None:
        await connection.request()
        await connection.say(start)
        while True:
            await connection.say(b"a")
            await asyncio.sleep(0.03)

    async with RawServer(drip) as server:
        await times_out(server.url)


# TLS


def openssl(folder, command: str) -> None:
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority of the test's own, and a certificate by it for `right.test` and 127.0.0.2."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority")
    openssl(folder, "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=right.test")
    (folder / "names").write_text("subjectAltName=DNS:localhost,DNS:right.test")
    openssl(folder, "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile names -out cert.pem")
    return folder


@pytest.fixture
def tls(certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    return context


async def test_a_trusted_certificate_for_the_name_is_accepted(tls, certificates):
    root = (certificates / "ca.pem").read_bytes()
    async with RawServer(saying(OK + b"Content-Length: 0\r\n\r\n"), tls) as server:
        target = TargetSettings("t", f"https://localhost:{server.port}")
        wire = Wire(target, max_body=LIMIT, addresses=AddressRule(), roots=(root,))
        assert (await wire.send(Request("GET", "/"), timeout_s=2)).status == 200
        await wire.close()


async def test_a_certificate_of_an_unknown_authority_is_a_tls_error(tls):
    async with RawServer(saying(OK), tls) as server:
        found = await failure(f"https://localhost:{server.port}")
    assert found.error == "tls_error"
    assert "certificate" in found.detail


async def test_a_certificate_for_another_name_is_a_tls_error(tls, certificates):
    async with RawServer(saying(OK), tls) as server:
        found = await failure(f"https://127.0.0.1:{server.port}", roots=((certificates / "ca.pem").read_bytes(),))
    assert found.error == "tls_error"
    assert "mismatch" in found.detail


async def test_plain_http_where_tls_is_expected_is_a_tls_error():
    async def plain(connection: Connection) -> None:
        await connection.answer(b"Bad Request", 400)
        await connection.hung_up()

    async with RawServer(plain) as server:
        assert (await failure(f"https://127.0.0.1:{server.port}")).error == "tls_error"


async def test_a_handshake_that_is_cut_off_is_a_tls_error():
    async def cut(connection: Connection) -> None:
        connection.close()

    async with RawServer(cut) as server:
        assert (await failure(f"https://127.0.0.1:{server.port}")).error == "tls_error"


async def test_a_handshake_that_hangs_is_a_timeout():
    async def hang(connection: Connection) -> None:
        await connection.hung_up()

    async with RawServer(hang) as server:
        await times_out(f"https://127.0.0.1:{server.port}")
