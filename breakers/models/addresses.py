"""Which addresses may be registered: the base URL that calls go to, and the links that people follow."""

from collections.abc import Sequence
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from breakers.guard.addresses import METADATA_NAMES, AddressRule, read_host
from breakers.guard.errors import AddressRefused


def base_url(value: str) -> None:
    """A validator: http(s), a host, nothing that identifies or changes per call, and no address that is out of bounds.

    Names are resolved, and their addresses judged, each time a connection is made; a name server that is slow today
    should not hold up a registration.
    """
    parts = _web(value)
    if parts.username is not None or parts.password is not None:
        raise ValidationError("Leave out the credentials; a base URL is shown to everyone who may look.", "credentials")
    if "?" in value:
        raise ValidationError("Leave out the query; it belongs to each request.", "query")
    if "#" in value:
        raise ValidationError("Leave out the fragment; it is never sent.", "fragment")
    _in_bounds(parts.hostname or "")


def proxy_url(value: str) -> None:
    """A validator: the address of an HTTP proxy, to which the wire speaks plain HTTP and tunnels TLS through it."""
    parts = _web(value)
    if parts.scheme != "http":
        raise ValidationError("Begin with http://; TLS to a target goes through a proxy as it is.", "scheme")
    if parts.username is not None or parts.password is not None:
        raise ValidationError(
            "Leave out the credentials; username and password have fields of their own.", "credentials"
        )
    if parts.path not in ("", "/") or "?" in value or "#" in value:
        raise ValidationError("Leave out path, query and fragment; write http://host:port.", "path")
    _in_bounds(parts.hostname or "")


def web_address(value: str) -> None:
    """A validator: a link that a browser may follow."""
    _web(value)


def networks(values: Sequence[str]) -> None:
    """A validator: addresses and networks in CIDR notation, such as 10.0.0.0/8 or 2001:db8::/32."""
    for value in values:
        try:
            ip_network(value)
        except ValueError as error:
            text = f"{value} is not an address or network: {error}. Write 10.0.0.0/8."
            raise ValidationError(text, "network") from None


def _web(value: str) -> SplitResult:
    if any(character <= " " or character == "\x7f" or character == "\\" for character in value):
        raise ValidationError("An address has no spaces, control characters or backslashes.", "invalid")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValidationError("This is not an address; write http://host:port/path.", "invalid") from None
    if parts.scheme not in ("http", "https"):
        raise ValidationError("Begin with http:// or https://.", "scheme")
    if not parts.hostname:
        raise ValidationError("The host is missing; write http://host:port/path.", "host")
    if port == 0:
        raise ValidationError("Port 0 is not a port.", "port")
    return parts


def _in_bounds(host: str) -> None:
    rule = AddressRule(settings.ALLOW_PRIVATE_ADDRESSES, settings.ALLOW_LINK_LOCAL)
    try:
        literal, name = read_host(host)
        if literal is not None:
            rule.check(literal)
    except AddressRefused as error:
        raise ValidationError(f"Targets may not have this address: {error.reason}.", "address_refused") from None
    if name.rstrip(".") in METADATA_NAMES and not settings.ALLOW_LINK_LOCAL:
        raise ValidationError(f"Targets may not have this address: {name} hands out credentials.", "address_refused")
