"""Sets of networks against the standard library's own arithmetic."""

from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.core.networks import Networks, number_of, parse_address, parse_network

v4 = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda p: IPv4Network(p, strict=False))
v6 = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 95)).map(lambda p: IPv6Network(p, strict=False))
near = st.integers(-2, 2)


@given(st.lists(st.one_of(v4, v6), max_size=8), st.data())
def test_a_set_holds_what_one_of_its_networks_holds(held: list[IPv4Network | IPv6Network], data: st.DataObject) -> None:
    networks = Networks(str(network) for network in held)
    edges = [int(edge) for n in held for edge in (n.network_address, n.broadcast_address)] or [0]
    number = data.draw(st.sampled_from(edges)) + data.draw(near)
    address = ip_address(max(0, min(number, 2**128 - 1)))
    if address.version == 6 and address.ipv4_mapped:
        return
    assert networks.holds(number_of(str(address))) is any(address in network for network in held)


def test_all_of_ipv6_does_not_take_ipv4_in() -> None:
    everything = Networks(["::/0"])
    assert everything.holds(number_of("2001:db8::1"))
    assert not everything.holds(number_of("192.0.2.1"))
    assert Networks(["255.255.255.255", "::"]).holds(number_of("::"))
    assert not Networks(["255.255.255.255"]).holds(number_of("::"))


def test_an_ipv4_address_written_as_ipv6_is_the_ipv4_address() -> None:
    assert str(parse_address("::ffff:192.0.2.1")) == "192.0.2.1"
    assert str(parse_network("::ffff:10.0.0.0/104")) == "10.0.0.0/8"
    assert Networks(["10.0.0.0/8"]).holds(number_of("::ffff:10.1.2.3"))


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.1/8", "010.0.0.1", "1.2.3.4 ", "x", "10.0.0.256"])
def test_what_is_no_address_is_in_no_network(text: str) -> None:
    assert number_of(text) is None
    assert not Networks(["0.0.0.0/0", "::/0"]).holds(number_of(text))
