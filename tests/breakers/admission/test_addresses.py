"""Whose request it is: what trusted proxies wrote counts, and what anybody else sends changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakers.admission.addresses import Trusted, read_entry, resolve

PROXIES = Trusted(["10.0.0.0/8", "2001:db8:1::/48"])

CASES = {
    "nobody in between": ("192.0.2.1", [], "192.0.2.1"),
    "an untrusted peer makes things up": ("192.0.2.1", ["10.9.9.9, 1.1.1.1"], "192.0.2.1"),
    "one proxy": ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
    "two proxies": ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
    "two fields": ("10.0.0.1", ["192.0.2.7", "10.0.0.2"], "192.0.2.7"),
    "the client put something before it": ("10.0.0.1", ["127.0.0.1, 10.1.1.1, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
    "only proxies": ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    "no field behind a proxy": ("10.0.0.1", [], "10.0.0.1"),
    "an empty field": ("10.0.0.1", [""], "10.0.0.1"),
    "something that is no address": ("10.0.0.1", ["192.0.2.7, unknown"], "10.0.0.1"),
    "something that is no address further left": ("10.0.0.1", ["unknown, 192.0.2.7"], "192.0.2.7"),
    "with a port": ("10.0.0.1", ["192.0.2.7:5123"], "192.0.2.7"),
    "IPv6": ("2001:db8:1::5", ["2001:db8:9::1"], "2001:db8:9::1"),
    "IPv6 with a port": ("2001:db8:1::5", ["[2001:db8:9::1]:443"], "2001:db8:9::1"),
    "IPv6 spelt out": ("10.0.0.1", ["2001:0DB8:0009:0000:0000:0000:0000:0001"], "2001:db8:9::1"),
    "a peer of a socket for both": ("::ffff:10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
    "a client of a socket for both": ("10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
    "an untrusted peer of a socket for both": ("::ffff:192.0.2.7", ["1.1.1.1"], "192.0.2.7"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_client_is_the_rightmost_address_that_no_trusted_proxy_has(name: str) -> None:
    peer, forwarded, client = CASES[name]
    assert resolve(peer, forwarded, PROXIES) == client


@given(st.lists(st.text(max_size=40), max_size=4))
def test_without_trusted_proxies_no_field_changes_anything(forwarded: list[str]) -> None:
    assert resolve("192.0.2.1", forwarded) == "192.0.2.1"
    assert resolve("192.0.2.1", forwarded, PROXIES) == "192.0.2.1"


@given(st.text(alphabet="0123456789abcdef.:[]%, x", max_size=70))
def test_any_text_is_read_without_an_error(text: str) -> None:
    resolve("10.0.0.1", [text], PROXIES)


def test_a_long_chain_is_read_from_the_right_only_so_far() -> None:
    assert resolve("10.0.0.1", [", ".join(["192.0.2.7", *["10.0.0.2"] * 5000])], PROXIES) == "10.0.0.2"


@pytest.mark.parametrize("entry", ["", "[::1", "[::1]x", "1.2.3.4:", "1.2.3.4:port", "fe80::1%eth0", "1.2.3", "-"])
def test_an_entry_that_is_no_address_is_none(entry: str) -> None:
    assert read_entry(entry) is None
