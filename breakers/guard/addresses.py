"""Which addresses a target may have: the rule against request forgery, asked at registration and at connection.

The wire connects to the addresses that were vetted here and never to a name, so it does not matter what another parser
or a later answer of a resolver would make of a host.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from .errors import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds hand out credentials to whoever asks from inside. Most are link-local; these are not.
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google
        "168.63.129.16",  # Azure
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
    )
)
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data.ec2.internal")

_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
# Networks whose last 32 bits are an IPv4 address: RFC 6052, RFC 8215, RFC 4291 (compatible, mapped), RFC 2765.
_CARRIERS = tuple(
    ipaddress.IPv6Network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96")
)


class AddressRule(msgspec.Struct, frozen=True):
    """`allow_private`: loopback, RFC 1918, ULA and the like. `allow_link_local`: link-local and metadata addresses."""

    allow_private: bool = True
    allow_link_local: bool = False

    def check(self, ip: str | Address) -> None:
        """Raise AddressRefused unless a target may have the address `ip`, and each IPv4 address that it carries."""
        address = ipaddress.ip_address(ip) if isinstance(ip, str) else ip
        for each in _meant(address):
            if reason := self._objection(each):
                shown = f"{address}" if each == address else f"{address}, which leads to {each},"
                raise AddressRefused("", f"{shown} {reason}")

    def check_name(self, host: str) -> None:
        """Raise AddressRefused for what can be refused without looking `host` up: addresses, and metadata services."""
        literal, name = read_host(host)
        if literal is not None:
            self.check(literal)
        elif name.rstrip(".") in METADATA_NAMES and not self.allow_link_local:
            raise AddressRefused("", f"{name} is a cloud metadata service")

    def check_host(self, host: str) -> None:
        """Raise AddressRefused unless targets may be registered under `host`; a name that does not resolve yet may."""
        literal, name = read_host(host)
        if literal is not None:
            self.check(literal)
            return
        if name.rstrip(".") in METADATA_NAMES and not self.allow_link_local:
            raise AddressRefused("", f"{name} is a cloud metadata service")
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        self._vet(name, found)

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Every address of `host`, IPv4 first. AddressRefused if one of them is refused; OSError if there are none."""
        literal, name = read_host(host)
        if literal is not None:
            self.check(literal)
            return (str(literal),)
        if name.rstrip(".") in METADATA_NAMES and not self.allow_link_local:
            raise AddressRefused("", f"{name} is a cloud metadata service")
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return self._vet(name, found)

    def _vet(self, name: str, found: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
        ordered = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in ordered))
        for address in addresses:
            try:
                self.check(address)
            except AddressRefused as refused:
                raise AddressRefused("", f"{name} resolves to an address that is refused: {refused.reason}") from None
        return addresses

    def _objection(self, address: Address) -> str | None:
        if address in METADATA_ADDRESSES:
            return None if self.allow_link_local else "is a cloud metadata address"
        if address.is_unspecified or (address.version == 4 and address in _THIS_NETWORK):
            return "means no particular host"
        if address.is_multicast:
            return "is a multicast address"
        if address.is_link_local:
            return None if self.allow_link_local else "is a link-local address"
        site_local = address.version == 6 and address.is_site_local
        if address.is_loopback or site_local or not (address.is_global or address.is_reserved):
            return None if self.allow_private else "is not a public address"
        if address.is_reserved and address.version == 4:
            return "is a broadcast or reserved address"
        return None


def read_host(host: str) -> tuple[Address | None, str]:
    """The address that `host` spells in whatever form, or None, and its canonical spelling.

    IPv4 addresses may be decimal, octal or hexadecimal and have fewer than four parts (`0x7f.1`, `2130706433`), as
    every resolver reads them; digits and dots may be full-width.
    """
    try:
        if ":" in host:
            bare = host[1:-1] if host[0] == "[" and host[-1] == "]" else host
            address: Address = ipaddress.IPv6Address(bare)
            if "%" in bare:  # names an interface of whoever connects
                raise ValueError("scoped")
            return address, str(address)
        name = host.encode("idna").decode().lower()
        if not _NAME.fullmatch(name):
            raise ValueError("odd characters")
        if _NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]):
            address = ipaddress.IPv4Address(socket.inet_aton(name.rstrip(".")))
            return address, str(address)
    except (ValueError, OSError):
        raise AddressRefused("", f"{host!r} is no host") from None
    return None, name


def _meant(address: Address) -> Iterator[Address]:
    """`address`, and the IPv4 addresses to which a tunnel or translator would carry it on."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is None:  # a mapped address is nothing but its IPv4 address
        yield address
    if address in _SIX_TO_FOUR:
        yield ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if address.teredo is not None:
        yield from address.teredo
    if int(address) > 1 and any(address in carrier for carrier in _CARRIERS):  # :: and ::1 carry nothing
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
