"""Which hosts a target may have, in every spelling that leads to them."""

import pytest

from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import AddressRefused
from breakers.guard.lookups import Lookup
from breakers.guard.messages import Request
from breakers.guard.transport import Wire, WireFailure
from tests.breakers.guard.raw_server import RawServer, closed_port, echo, saying

PUBLIC_ONLY = AddressRule(allow_private=False)
DEFAULT = AddressRule()
ANYTHING = AddressRule(allow_link_local=True)

PUBLIC = ["8.8.8.8", "2606:4700::1111", "[2606:4700::1111]"]
PRIVATE = ["127.0.0.1", "127.1", "0x7f.0.0.1", "2130706433", "017700000001", "10.1.2.3", "172.16.0.1", "192.168.0.1"]
PRIVATE += [
    "100.64.0.1",
    "[::1]",
    "::1",
    "fd12::1",
    "fec0::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
]
PRIVATE += ["localhost", "LOCALHOST", "127.0.0.1."]
METADATA = [
    "169.254.169.254",
    "169.254.0.1",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.43518",
    "fe80::1",
]
METADATA += [
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
]
METADATA += ["2002:a9fe:a9fe::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
METADATA += ["metadata.google.internal", "Metadata.Google.Internal.", "169.254.169.254."]
NOBODY = [
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "::",
    "255.255.255.255",
    "224.0.0.1",
    "ff02::1",
    "240.0.0.1",
    "::ffff:0.0.0.0",
    "2002:e000:1::",
]
NOT_A_HOST = [
    "",
    " ",
    "a b",
    "127.0.0.1 x",
    "user@host",
    "host:80",
    "host/x",
    "fe80::1%lo",
    "1.2.3.4.5",
    "256.1.1.1",
    "0x",
    "a..b",
    "[::1",
    "x" * 64,
]


def refuses(rule: AddressRule, host: str) -> bool:
    try:
        rule.check_host(host)
    except AddressRefused:
        return True
    return False


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_are_for_everybody(host):
    assert not refuses(PUBLIC_ONLY, host)


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_for_planes_of_internal_services(host):
    assert not refuses(DEFAULT, host)
    assert refuses(PUBLIC_ONLY, host)


@pytest.mark.parametrize("host", METADATA)
def test_link_local_and_metadata_addresses_need_a_setting(host):
    assert refuses(DEFAULT, host)
    assert refuses(PUBLIC_ONLY, host)
    assert not refuses(ANYTHING, host)


@pytest.mark.parametrize("host", NOBODY + NOT_A_HOST)
def test_what_means_no_single_host_is_always_refused(host):
    assert refuses(ANYTHING, host)


def test_a_name_that_does_not_resolve_yet_may_be_registered():
    assert not refuses(PUBLIC_ONLY, "not-there-yet.invalid")


async def test_resolving_gives_ipv4_first_and_refuses_if_any_address_is_refused():
    found = await DEFAULT.resolve("localhost")
    assert found[0] == "127.0.0.1"
    with pytest.raises(AddressRefused, match="localhost"):
        await PUBLIC_ONLY.resolve("localhost")


def wire(url: str, rule: AddressRule) -> Wire:
    return Wire(TargetSettings("catalog", url), max_body=1000, addresses=rule)


async def test_the_wire_reaches_a_name_through_its_vetted_address():
    async with RawServer(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
        there = wire(f"http://localhost:{server.port}", DEFAULT)
        assert (await there.send(Request("GET", "/"), timeout_s=1)).status == 200
        await there.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_the_wire_never_connects_to_a_refused_address(host):
    async with RawServer(saying(b"")) as server:
        there = wire(f"http://{host}:{server.port}", PUBLIC_ONLY)
        for _ in range(2):
            with pytest.raises(AddressRefused) as refused:
                await there.send(Request("GET", "/"), timeout_s=1)
            assert refused.value.target == "catalog"
        assert server.accepted == 0
        await there.close()


class Answers(AddressRule):
    """A rule whose names resolve to what the test says next."""

    next: list[tuple[str, ...] | Exception] = []

    async def resolve(self, host: str) -> tuple[str, ...]:
        answer = self.next[0]
        if isinstance(answer, Exception):
            raise answer
        for address in answer:
            self.check(address)
        return answer


async def test_a_name_that_comes_to_mean_a_refused_address_is_not_called_any_more():
    answers = Answers(next=[("127.0.0.1",)])
    lookup = Lookup("catalog", "rebound.test", answers, named=True)
    assert await lookup.vetted() == ("127.0.0.1",)
    answers.next[0] = ("169.254.169.254",)
    assert await lookup.vetted() == ("127.0.0.1",)  # vetted, and not due yet
    lookup.due_at = 0.0
    assert await lookup.vetted() == ("127.0.0.1",)  # the look-up goes on beside this call
    await lookup.settled()
    with pytest.raises(AddressRefused):
        await lookup.vetted()


async def test_a_resolver_that_is_away_leaves_the_vetted_address_in_use():
    answers = Answers(next=[("127.0.0.1",)])
    lookup = Lookup("catalog", "name.test", answers, named=True)
    await lookup.vetted()
    answers.next[0] = OSError("resolver away")
    lookup.due_at = 0.0
    lookup.start()
    await lookup.settled()
    assert await lookup.vetted() == ("127.0.0.1",)


async def test_a_name_never_found_fails_by_name_and_is_looked_up_again():
    answers = Answers(next=[OSError("no such name")])
    lookup = Lookup("catalog", "name.test", answers, named=True)
    with pytest.raises(WireFailure, match="no such name"):
        await lookup.vetted()
    answers.next[0] = ("127.0.0.1",)
    with pytest.raises(WireFailure, match="no such name"):
        await lookup.vetted()  # not so soon
    lookup.due_at = 0.0
    assert await lookup.vetted() == ("127.0.0.1",)


async def test_of_several_addresses_one_that_answers_is_used():
    answers = Answers(next=[("127.0.0.2", "127.0.0.1")])  # nothing listens on the first
    async with RawServer(echo) as server:
        there = wire(f"http://name.test:{server.port}", answers)
        for _ in range(3):
            assert (await there.send(Request("GET", "/"), timeout_s=1)).status == 200
        await there.close()


async def test_idle_connections_to_an_address_that_was_withdrawn_are_not_used_again():
    answers = Answers(next=[("127.0.0.1",)])
    async with RawServer(echo) as server:
        there = wire(f"http://name.test:{server.port}", answers)
        await there.send(Request("GET", "/"), timeout_s=1)
        answers.next[0] = ("127.0.0.2",)
        there.lookup.due_at = 0.0
        there.lookup.start()
        await there.lookup.settled()
        with pytest.raises(WireFailure, match="connect_error"):
            await there.send(Request("GET", "/"), timeout_s=1)
        assert server.accepted == 1
        await there.close()


async def test_no_address_answering_is_a_connect_error_that_names_it():
    there = wire(f"http://localhost:{closed_port()}", DEFAULT)
    with pytest.raises(WireFailure, match=r"127\.0\.0\.1"):
        await there.send(Request("GET", "/"), timeout_s=1)
    await there.close()
