"""The wire through a real proxy: whole addresses for http, tunnels for https, credentials, and whose fault it was."""

import asyncio

import pytest
import uvloop

from breakers.core.settings import CredentialsSettings, ProxySettings, Secret, TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import AddressRefused
from breakers.guard.messages import Request
from breakers.guard.transport import Wire, WireFailure
from tests.breakers.guard.raw_server import RawServer, closed_port, echo, saying
from tests.breakers.guard.test_transport_faults import certificates, tls
from tests.servers.proxy import Proxy

__all__ = ["certificates", "tls"]

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request):
    return request.param()


@pytest.fixture
def proxy():
    running = Proxy(user="ada", password="hush")
    yield running
    running.stop()


@pytest.fixture
async def wire_to():
    wires = []

    def make(url: str, proxy_url: str, password: str = "hush", *, roots=(), rule=None, **settings) -> Wire:
        through = ProxySettings(proxy_url, "ada", Secret(True, f"sealed {password}"))
        target = TargetSettings("t", url, proxy=through, **settings)
        reveal = lambda sealed: sealed.removeprefix("sealed ")  # noqa: E731
        wire = Wire(target, max_body=1000, addresses=rule or AddressRule(), roots=roots, reveal=reveal)
        wires.append(wire)
        return wire

    yield make
    for wire in wires:
        await wire.close()


async def get(wire: Wire, path: str = "/a", **request):
    return await wire.send(Request("GET", path, **request), timeout_s=3.0)


async def failed(wire: Wire) -> WireFailure:
    with pytest.raises(WireFailure) as failure:
        await get(wire)
    return failure.value


async def test_http_is_asked_for_by_its_whole_address(proxy, wire_to):
    async with RawServer(echo) as server:
        wire = wire_to(f"{server.url}/base", proxy.url)
        answer = await get(wire, "/a", query="b=1", headers=[("x-mine", "1"), ("proxy-authorization", "stolen")])
    heard = answer.body.decode()
    assert proxy.asked == [f"GET {server.url}/base/a?b=1 HTTP/1.1"]
    assert heard.startswith("GET /base/a?b=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}" in heard
    assert "x-mine: 1" in heard
    assert "stolen" not in proxy.heads[0] + heard


async def test_https_is_spoken_with_the_target_alone(proxy, wire_to, tls, certificates):
    root = (certificates / "ca.pem").read_bytes()
    async with RawServer(echo, tls) as server:
        wire = wire_to(f"https://localhost:{server.port}", proxy.url, roots=(root,))
        first, second = await get(wire, "/one"), await get(wire, "/two")
    assert first.body.startswith(b"GET /one HTTP/1.1\r\n")
    assert second.body.startswith(b"GET /two HTTP/1.1\r\n")
    assert b"hush" not in first.body
    assert b"roxy-" not in first.body
    assert proxy.asked == [f"CONNECT localhost:{server.port} HTTP/1.1"]  # one tunnel for both


async def test_a_certificate_behind_a_proxy_is_the_targets_affair(proxy, wire_to, tls):
    async with RawServer(echo, tls) as server:
        found = await failed(wire_to(f"https://localhost:{server.port}", proxy.url))
    assert found.error == "tls_error"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_wrong_password_is_the_proxys_refusal(proxy, wire_to, scheme):
    found = await failed(wire_to(f"{scheme}://127.0.0.1:{closed_port()}", proxy.url, "wrong"))
    assert (found.error, found.unsent) == ("proxy_error", True)
    assert "407" in found.detail
    assert "wrong" not in found.detail


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_finds_no_way_says_so_in_its_own_name(proxy, wire_to, scheme):
    found = await failed(wire_to(f"{scheme}://127.0.0.1:{closed_port()}", proxy.url))
    assert found.error == "proxy_error"
    assert "502" in found.detail


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_away_is_not_the_targets_fault(wire_to, scheme):
    found = await failed(wire_to(f"{scheme}://127.0.0.1:1", f"http://127.0.0.1:{closed_port()}"))
    assert (found.error, found.unsent) == ("proxy_error", True)


async def test_a_502_that_nobody_claims_is_the_targets_answer(proxy, wire_to):
    said = b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n"
    async with RawServer(saying(said)) as server:
        assert (await get(wire_to(server.url, proxy.url))).status == 502


async def test_a_tunnel_that_hangs_is_a_timeout_within_the_targets_time(wire_to):
    async def hang(connection) -> None:
        await connection.request()
        await connection.hung_up()

    async with RawServer(hang) as server:
        with pytest.raises(WireFailure) as failure:
            await wire_to("https://127.0.0.1:1", server.url).send(Request("GET", "/"), timeout_s=0.1)
    assert failure.value.error == "timeout"


async def test_addresses_are_judged_on_both_sides_of_a_proxy(proxy, wire_to):
    with pytest.raises(AddressRefused):
        await get(wire_to("http://169.254.169.254", proxy.url))
    with pytest.raises(AddressRefused):
        await get(wire_to("http://metadata.google.internal", proxy.url))
    with pytest.raises(AddressRefused):
        await get(wire_to("http://8.8.8.8", proxy.url, rule=AddressRule(allow_private=False)))
    assert proxy.asked == []


async def test_credentials_of_a_target_replace_what_the_caller_sent(wire_to):
    async with RawServer(echo) as server:
        for credentials, expected in (
            (CredentialsSettings("basic", "svc", Secret(True, "s3")), "Authorization: Basic c3ZjOnMz"),
            (CredentialsSettings("header", name="X-Api-Key", value=Secret(True, "k1")), "X-Api-Key: k1"),
        ):
            target = TargetSettings("t", server.url, credentials=credentials)
            wire = Wire(target, max_body=1000, addresses=AddressRule(), reveal=str)
            sent = [("authorization", "mine"), ("x-api-key", "mine"), ("x-other", "mine")]
            heard = (await get(wire, headers=sent)).body.decode()
            assert expected in heard
            assert heard.count("mine") == 2
            await wire.close()
