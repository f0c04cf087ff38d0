"""The pass that a met challenge gives: a signed cookie, good for one stage, one client address and half an hour."""

from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, IPv6Network

from django.core.signing import BadSignature, Signer

from breakers.core.networks import parse_address
from breakers.core.statements import Traits

COOKIE = "switchgear-pass-"
PASS_S = 1800


class Passes:
    """`now_ms` is the store's time. Signed with a key derived from SECRET_KEY, whose fallbacks are honoured."""

    def __init__(self, now_ms: Callable[[], float], *, valid_s: int = PASS_S) -> None:
        self.valid_s = valid_s
        self._now_ms = now_ms
        self._signer = Signer(salt="switchgear.challenge.pass")

    def issue(self, stage: str, client: str) -> str:
        """The cookie's value: when it ends (s since 1970) and a signature over that, the stage and the address."""
        ends = int(self._now_ms() / 1000) + self.valid_s
        return f"{ends}.{self._signer.signature(_signed(stage, client, ends))}"

    def valid(self, value: str, stage: str, client: str) -> bool:
        ends, _, signature = value.partition(".")
        if not (ends.isascii() and ends.isdecimal() and len(ends) < 12) or int(ends) * 1000 <= self._now_ms():
            return False
        try:
            self._signer.unsign(f"{_signed(stage, client, int(ends))}:{signature}")
        except BadSignature:
            return False
        return True

    def holds(self, traits: Traits) -> bool:
        """Whether the request carries a valid pass for its stage."""
        return any(
            self.valid(value, traits.stage, traits.client)
            for value in _cookies(traits.headers, COOKIE + traits.stage)[:4]
        )

    def field(self, stage: str, client: str, *, secure: bool) -> bytes:
        """The value of the Set-Cookie field that hands the pass out."""
        value = f"{COOKIE}{stage}={self.issue(stage, client)}; Path=/; Max-Age={self.valid_s}; HttpOnly; SameSite=Lax"
        return (value + ("; Secure" if secure else "")).encode()


def without_pass(cookie: str) -> str:
    """A Cookie field without passes: they are the front door's alone."""
    if COOKIE not in cookie:
        return cookie
    return "; ".join(part.strip() for part in cookie.split(";") if part.strip() and not part.strip().startswith(COOKIE))


def _signed(stage: str, client: str, ends: int) -> str:
    return f"{stage}|{_place(client)}|{ends}"


def _place(client: str) -> str:
    """The address; of IPv6 the /64, within which a browser changes its address by itself (RFC 8981)."""
    address = parse_address(client)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or client)


def _cookies(headers: Sequence[tuple[bytes, bytes]], name: str) -> list[str]:
    found = []
    for field, value in headers:
        if field == b"cookie":
            for part in value.decode("latin-1").split(";"):
                given, _, text = part.strip().partition("=")
                if given == name:
                    found.append(text)
    return found
