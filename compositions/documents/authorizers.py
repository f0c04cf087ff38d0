"""The shape of a route's authorizer: what proves who a caller is, where a key only says it."""

import json
from collections.abc import Mapping
from typing import Any

import jwt
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.documents.defaults import Document
from breakers.documents.fields import Checked, HeaderName, Text
from breakers.documents.stages import network
from breakers.models.addresses import web_address
from compositions.models import Route
from compositions.models.routes import AuthorizerType
from controlplane.kernel.rest import StrictSerializer

FIELDS = {
    AuthorizerType.JWT: ("issuer", "audience", "jwks_url", "jwks"),
    AuthorizerType.TRUSTED_HEADER: ("header", "from"),
}
# Members of a JWK that only its owner may know (RFC 7518, sections 6.2.2 and 6.3.2; RFC 8037, section 2).
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
MOST_KEYS = 20


class Jwks(serializers.DictField):
    """A JSON Web Key Set (RFC 7517) of public asymmetric keys."""

    def to_internal_value(self, data: Any) -> Document:
        keys = data.get("keys") if isinstance(data, Mapping) else None
        if not isinstance(keys, list) or not keys:
            raise serializers.ValidationError('Give a key set: {"keys": [...]} with at least one key.', "invalid")
        if len(keys) > MOST_KEYS:
            raise serializers.ValidationError(f"At most {MOST_KEYS} keys; name a jwks_url instead.", "max_length")
        problems = {f"keys[{index}]": found for index, key in enumerate(keys) if (found := _key_problem(key))}
        names = [key.get("kid") for key in keys if isinstance(key, Mapping)]
        if not problems and len(keys) > 1 and (None in names or len(set(names)) < len(names)):
            text = "With several keys each needs a `kid` of its own; a token names its key by it."
            problems["keys"] = [ErrorDetail(text, "kid")]
        if problems:
            raise serializers.ValidationError(problems)
        return dict(data)


def _key_problem(key: Any) -> list[ErrorDetail]:
    if not isinstance(key, Mapping):
        return [ErrorDetail('A key is an object, such as {"kty": "EC", ...}.', "invalid")]
    if key.get("kty") == "oct":
        text = "This key is symmetric: whoever can verify tokens could make them. Use a public key (RSA, EC, OKP)."
        return [ErrorDetail(text, "symmetric")]
    if PRIVATE & set(key):
        text = "This key is private: whoever reads it can make tokens. Replace it at its issuer; give the public part."
        return [ErrorDetail(text, "private")]
    try:
        jwt.PyJWK(dict(key))
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        return [ErrorDetail(f"This is not a usable public key: {error}.", "invalid")]
    return []


class AuthorizerShape(StrictSerializer):
    type = serializers.ChoiceField([each.value for each in FIELDS])
    issuer = Text(required=False, max_length=500, help_text="jwt: the `iss` that tokens must carry.")
    audience = Text(required=False, max_length=500, help_text="jwt: one of the token's `aud` must be this.")
    jwks_url = Checked(
        web_address, required=False, max_length=500, help_text="jwt: where the issuer publishes its keys; or give jwks."
    )
    jwks = Jwks(required=False, help_text='jwt: the public keys themselves, {"keys": [...]}; or give jwks_url.')
    header = HeaderName(required=False, max_length=100, help_text="trusted_header: the header that names the caller.")

    def get_fields(self) -> dict[str, Any]:
        # `from` cannot be written as an attribute.
        networks = serializers.ListField(
            child=Checked(network, max_length=50),
            required=False,
            min_length=1,
            max_length=200,
            help_text="trusted_header: networks (CIDR) of the proxy that sets the header.",
        )
        return {**super().get_fields(), "from": networks}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = FIELDS[AuthorizerType(attrs["type"])]
        problems = {
            name: [ErrorDetail(f"A {attrs['type']} authorizer has no such field.", "unknown_field")]
            for name in attrs
            if name != "type" and name not in known
        }
        keys = [name for name in ("jwks_url", "jwks") if name in attrs]
        for name in known:
            if name not in attrs and name not in ("jwks_url", "jwks"):
                problems[name] = [ErrorDetail("This field is required.", "required")]
        if attrs["type"] == AuthorizerType.JWT and len(keys) != 1:
            text = "Give one of jwks_url and jwks, not both." if keys else "Give jwks_url, or the keys in jwks."
            problems["jwks_url"] = [ErrorDetail(text, "exactly_one")]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


def document(route: Route) -> Document | None:
    """The authorizer of a route as its document says it."""
    if route.authorizer_type == AuthorizerType.JWT:
        found: Document = {
            "type": "jwt",
            "issuer": route.authorizer_issuer,
            "audience": route.authorizer_audience,
        }
        if route.authorizer_jwks:
            return {**found, "jwks": json.loads(route.authorizer_jwks)}
        return {**found, "jwks_url": route.authorizer_jwks_url}
    if route.authorizer_type == AuthorizerType.TRUSTED_HEADER:
        return {"type": "trusted_header", "header": route.authorizer_header, "from": list(route.authorizer_from)}
    return None


def write(route: Route, stated: Document | None) -> None:
    """Make the route's authorizer columns say what `stated` says."""
    given = stated or {}
    jwks = given.get("jwks")
    route.authorizer_type = given.get("type", "")
    route.authorizer_issuer = given.get("issuer", "")
    route.authorizer_audience = given.get("audience", "")
    route.authorizer_jwks_url = given.get("jwks_url", "")
    route.authorizer_jwks = "" if jwks is None else json.dumps(jwks)
    route.authorizer_header = given.get("header", "")
    route.authorizer_from = list(given.get("from", []))  # type: ignore[assignment]
