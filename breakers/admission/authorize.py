"""Whether a caller is who it says: bearer tokens of an issuer, or a header that a trusted proxy sets.

A token must be signed by an asymmetric key of the issuer, and say `iss`, `aud` and `exp`. One that was verified is
remembered by its hash until it expires or the issuer's keys change, so that a signature is checked once.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import jwt

from .addresses import Trusted
from .errors import AuthorizerAway, NotTrusted, TokenInvalid, TokenMissing
from .jwks import Issuers, KeyRing, PublicKey, RemoteKeys

ALGORITHMS = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"))
LEEWAY_S = 10.0
MAX_TOKEN_BYTES = 16 << 10
REMEMBERED = 10_000
RETRY_AFTER_S = 5.0

RawHeaders = Sequence[tuple[bytes, bytes]]

_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired"),
    (jwt.ImmatureSignatureError, "The token is not valid yet"),
    (jwt.InvalidAudienceError, "The token is for another audience"),
    (jwt.InvalidIssuerError, "The token is of another issuer"),
    (jwt.MissingRequiredClaimError, "The token lacks one of the claims iss, aud and exp"),
    (jwt.InvalidSignatureError, "The signature of the token does not fit"),
    (jwt.DecodeError, "The token is malformed"),
)


class Authorizer(Protocol):
    """`private` names the request headers that carry the proof: answers to them are not shared."""

    @property
    def private(self) -> frozenset[str]: ...

    async def authorize(self, headers: RawHeaders, peer: str) -> str:
        """The name of the caller. Raises one of the errors of this room."""
        ...


class JwtAuthorizer:
    """`{"type": "jwt", "issuer", "audience", "jwks_url" | "jwks"}`"""

    private = frozenset(("authorization",))

    def __init__(self, issuer: str, audience: str, keys: KeyRing | RemoteKeys) -> None:
        if not issuer or not audience:
            raise ValueError("a jwt authorizer needs an issuer and an audience")
        self._issuer, self._audience, self._keys = issuer, audience, keys
        self._verified: dict[bytes, tuple[float, str]] = {}
        self._changes = 0

    async def authorize(self, headers: RawHeaders, peer: str) -> str:
        token = _bearer(headers)
        if isinstance(self._keys, RemoteKeys) and self._changes != self._keys.changes:
            # A key that the issuer took back must not live on in what was verified with it.
            self._changes = self._keys.changes
            self._verified.clear()
        digest, now = sha256(token).digest(), time.time()
        known = self._verified.get(digest)
        if known is not None and now < known[0]:
            return known[1]
        caller, until = await self._verify(token)
        if len(self._verified) >= REMEMBERED:
            self._forget(now)
        self._verified[digest] = until, caller
        return caller

    async def _verify(self, token: bytes) -> tuple[str, float]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise TokenInvalid("The token is malformed") from None
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise TokenInvalid("The token is not signed by an algorithm that is accepted here")
        key = await self._key(header.get("kid"), algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
            return str(claims.get("sub", "")), float(claims["exp"])
        except jwt.PyJWTError as error:
            reason = next((text for kind, text in _REASONS if isinstance(error, kind)), "The token is not acceptable")
            raise TokenInvalid(reason) from None
        except (TypeError, ValueError, OverflowError):
            raise TokenInvalid("The token is malformed") from None

    async def _key(self, kid: Any, algorithm: str) -> PublicKey:
        if kid is not None and not isinstance(kid, str):
            raise TokenInvalid("The token is malformed")
        ring = self._keys.ring if isinstance(self._keys, RemoteKeys) else self._keys
        key = ring.find(kid, algorithm) if ring is not None else None
        if key is None and isinstance(self._keys, RemoteKeys):
            await self._keys.look_again()
            ring = self._keys.ring
            if ring is None:
                raise AuthorizerAway("The issuer's keys could not be fetched yet.", retry_after_s=RETRY_AFTER_S)
            key = ring.find(kid, algorithm)
        if key is None:
            raise TokenInvalid("The token is signed by a key that the issuer does not publish")
        return key

    def _forget(self, now: float) -> None:
        """Make room: what has expired goes, else the older half."""
        kept = [(digest, entry) for digest, entry in self._verified.items() if now < entry[0]]
        self._verified = dict(kept[len(kept) // 2 if len(kept) >= REMEMBERED else 0 :])


class TrustedHeader:
    """`{"type": "trusted_header", "header", "from": [CIDR]}`: from anywhere else the header proves nothing."""

    def __init__(self, header: str, networks: Iterable[str]) -> None:
        if not header:
            raise ValueError("a trusted_header authorizer needs the header's name")
        self._name = header.lower().encode("latin-1")
        self._proxies = Trusted(list(networks))
        self.private = frozenset((header.lower(),))

    async def authorize(self, headers: RawHeaders, peer: str) -> str:
        if not self._proxies.holds(peer):
            raise NotTrusted("This route takes requests only from the proxy that authenticates its callers.")
        values = [value for name, value in headers if name == self._name]
        if len(values) != 1 or not values[0].strip():
            raise NotTrusted("The proxy named no caller, or more than one.")
        return values[0].strip().decode("latin-1")


class Unusable:
    """An authorizer that could not be made: the route stays shut, since anybody could be anyone."""

    private: frozenset[str] = frozenset()

    async def authorize(self, headers: RawHeaders, peer: str) -> str:
        raise AuthorizerAway("The authorizer of this route cannot be used as it is set up.")


def parse(block: Mapping[str, Any], issuers: Issuers) -> Authorizer:
    """The authorizer of a route's `authorizer` block. ValueError or KeyError when it can't be used."""
    match block["type"]:
        case "jwt":
            url = block.get("jwks_url")
            keys = issuers.at(url) if url else KeyRing.parse(block["jwks"])
            return JwtAuthorizer(block["issuer"], block["audience"], keys)
        case "trusted_header":
            return TrustedHeader(block["header"], block["from"])
        case other:
            raise ValueError(f"there is no authorizer {other!r}")


def _bearer(headers: RawHeaders) -> bytes:
    given = [value for name, value in headers if name == b"authorization"]
    if not given:
        raise TokenMissing("This route needs a bearer token: send it in the Authorization header.")
    scheme, _, token = given[0].partition(b" ")
    if len(given) > 1:
        raise TokenInvalid("More than one Authorization header came with the request")
    if scheme.lower() != b"bearer" or not token.strip():
        raise TokenMissing("This route needs a bearer token: send `Authorization: Bearer TOKEN`.")
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenInvalid("The token is too long")
    return token.strip()
