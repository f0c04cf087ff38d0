"""Sets of addresses and networks: one bisection tells whether an address is in them.

All addresses lie on one line of whole numbers: IPv6 from 0 up, IPv4 below 0, so that `::/0` does not take IPv4 in. An
IPv4 address written as IPv6 (`::ffff:192.0.2.1`, RFC 4291, section 2.5.5.2) is the IPv4 address.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPV4 = -(2**32)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that `text` is, IPv4 where it is an IPv4 address written as IPv6; None when it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def number_of(text: str) -> int | None:
    """Where the address stands on the line; None for what is no address."""
    address = parse_address(text)
    if address is None:
        return None
    return int(address) + IPV4 if isinstance(address, IPv4Address) else int(address)


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """An address or network in CIDR notation; ValueError says what is wrong with it."""
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((int(mapped), network.prefixlen - 96))
    return network


class Networks:
    """Frozen; overlapping and neighbouring networks are one range."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(_range(parse_network(word)) for word in words):
            if self._ends and start <= self._ends[-1] + 1 and (start >= 0) == (self._starts[-1] >= 0):
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __bool__(self) -> bool:
        return bool(self._starts)

    def holds(self, number: int | None) -> bool:
        """Whether the address with this number (see `number_of`) is in one of the networks."""
        if number is None:
            return False
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]


def _range(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    base = IPV4 if isinstance(network, IPv4Network) else 0
    return int(network.network_address) + base, int(network.broadcast_address) + base
