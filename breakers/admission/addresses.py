"""Whose request this is, when it came through proxies: the rightmost address that no trusted proxy vouches for.

Each proxy appends the address it saw to X-Forwarded-For, so only the entries that trusted proxies have written can be
believed, and those stand at the right. Whatever an untrusted peer sends changes nothing.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from breakers.core.networks import Networks, number_of, parse_address

# A chain longer than this is nobody's honest one; what is further left is not looked at.
LONGEST_CHAIN = 50
REMEMBERED = 4096


class Trusted:
    """The networks of trusted proxies of one stage."""

    __slots__ = ("_known", "_networks")

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = Networks(networks)
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def holds(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            known = self._networks.holds(number_of(address))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[address] = known
        return known


NOBODY = Trusted()


def resolve(peer: str, forwarded: Sequence[str], trusted: Trusted = NOBODY) -> str:
    """The client's address; `forwarded` are the values of X-Forwarded-For as they came.

    Walks from the peer to the left for as long as the address at hand is a trusted proxy's. An entry that is no address
    ends the walk: what is left of it cannot be attributed, so the proxy that wrote it is the client.
    """
    if ":" in peer and (known := parse_address(peer)) is not None:
        peer = str(known)  # ::ffff:192.0.2.1, as a socket for both families says, is 192.0.2.1
    if not forwarded or not trusted or not trusted.holds(peer):
        return peer
    client = peer
    for entry in reversed(",".join(forwarded).split(",")[-LONGEST_CHAIN:]):
        address = read_entry(entry.strip())
        if address is None:
            break
        client = str(address)
        if not trusted.holds(client):
            break
    return client


def read_entry(entry: str) -> IPv4Address | IPv6Address | None:
    """An entry of X-Forwarded-For: an address, with a port where the proxy writes one (`1.2.3.4:80`, `[::1]:80`)."""
    if len(entry) > 60:
        return None
    if entry.startswith("["):
        host, bracket, port = entry[1:].partition("]")
        if not bracket or (port and not _port(port)):
            return None
    elif entry.count(":") == 1:
        host, _, number = entry.partition(":")
        if not _port(f":{number}"):
            return None
    else:
        host = entry
    if "%" in host:
        return None
    return parse_address(host)


def _port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdecimal() and len(text) <= 6
