"""Bearer tokens and trusted headers, with real keys and a real issuer that publishes them."""

import asyncio
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from breakers.admission import jwks
from breakers.admission.authorize import JwtAuthorizer, TrustedHeader, parse
from breakers.admission.errors import AuthorizerAway, NotTrusted, TokenInvalid, TokenMissing
from breakers.admission.jwks import Issuers, KeyRing, RemoteKeys
from breakers.guard.addresses import AddressRule

ISSUER, AUDIENCE = "https://login.example", "articles"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key, kid, **fields):
    algorithm = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}
    make = next((made for kind, made in algorithm.items() if isinstance(key, kind)), OKPAlgorithm)
    return {**json.loads(make.to_jwk(key.public_key())), "kid": kid, "use": "sig", **fields}


def token(key=RSA, algorithm="RS256", kid="rsa", **claims):
    now = int(time.time())
    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "exp": now + 60, "nbf": now, **claims}
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm, headers={"kid": kid} if kid else {})


def bearing(text):
    return [(b"host", b"h"), (b"authorization", f"Bearer {text}".encode())]


KEYS = {"keys": [public(RSA, "rsa"), public(EC, "ec"), public(ED, "ed")]}


@pytest.fixture
def authorizer():
    return JwtAuthorizer(ISSUER, AUDIENCE, KeyRing.parse(KEYS))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "rsa"), (RSA, "PS512", "rsa"), (EC, "ES256", "ec"), (ED, "EdDSA", "ed")],
    ids=["RS256", "PS512", "ES256", "EdDSA"],
)
async def test_a_token_of_the_issuer_names_its_caller(authorizer, key, algorithm, kid):
    assert await authorizer.authorize(bearing(token(key, algorithm, kid)), "127.0.0.1") == "ann"


async def test_an_audience_among_others_is_enough(authorizer):
    assert await authorizer.authorize(bearing(token(aud=["other", AUDIENCE])), "") == "ann"


async def test_the_scheme_knows_no_case_and_a_little_difference_of_clocks_is_forgiven(authorizer):
    late = token(exp=int(time.time()) - 2)
    assert await authorizer.authorize([(b"authorization", b"bearer " + late.encode())], "") == "ann"


BAD = {
    "expired": (lambda: token(exp=int(time.time()) - 60), "expired"),
    "not yet": (lambda: token(nbf=int(time.time()) + 60), "not valid yet"),
    "other audience": (lambda: token(aud="billing"), "audience"),
    "other issuer": (lambda: token(iss="https://evil.example"), "issuer"),
    "without expiry": (lambda: token(exp=None), "lacks"),
    "without audience": (lambda: token(aud=None), "lacks"),
    "signed by another": (lambda: token(OTHER_RSA), "signature"),
    "signed by an unknown key": (lambda: token(OTHER_RSA, kid="theirs"), "does not publish"),
    "key of another kind": (lambda: token(EC, "ES256", "rsa"), "does not publish"),
    "not signed": (lambda: token("", "none"), "algorithm"),
    "signed with a shared secret": (lambda: token("a secret that is long enough for HS256", "HS256"), "algorithm"),
    "nonsense": (lambda: "a.b.c", "malformed"),
    "endless": (lambda: "x" * 20_000, "too long"),
}


@pytest.mark.parametrize("case", sorted(BAD))
async def test_a_token_that_is_not_acceptable_is_told_why_as_rfc_6750_says(authorizer, case):
    make, reason = BAD[case]
    with pytest.raises(TokenInvalid, match=reason) as refused:
        await authorizer.authorize(bearing(make()), "")
    challenge = dict(refused.value.fields)[b"www-authenticate"]
    assert refused.value.status == 401
    assert challenge.startswith(b'Bearer realm="switchgear", error="invalid_token"')


@pytest.mark.parametrize("given", [b"", b"Basic YTpi", b"Bearer "])
async def test_without_a_token_the_challenge_names_no_error(authorizer, given):
    with pytest.raises(TokenMissing) as refused:
        await authorizer.authorize([(b"authorization", given)] if given else [], "")
    assert dict(refused.value.fields)[b"www-authenticate"] == b'Bearer realm="switchgear"'


async def test_two_tokens_are_one_too_many(authorizer):
    with pytest.raises(TokenInvalid):
        await authorizer.authorize(bearing(token()) * 2, "")


async def test_a_public_key_never_verifies_a_shared_secret():
    """The attack on libraries that let the token choose: HS256 with the issuer's public key as the secret."""
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    part = jwt.utils.base64url_encode
    head = part(json.dumps({"alg": "HS256", "kid": "rsa", "typ": "JWT"}).encode())
    body = part(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60}).encode())
    mac = part(hmac.new(pem, head + b"." + body, hashlib.sha256).digest())
    with pytest.raises(TokenInvalid, match="algorithm"):
        await JwtAuthorizer(ISSUER, AUDIENCE, KeyRing.parse(KEYS)).authorize(
            bearing(b".".join((head, body, mac)).decode()), ""
        )


@pytest.mark.parametrize(
    "document",
    [
        {"keys": []},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [public(RSA, "rsa", use="enc")]},
        {"keys": [public(rsa.generate_private_key(65537, 1024), "short")]},
        {"keys": "none"},
        [],
        "no json",
    ],
    ids=["empty", "shared", "encryption", "short", "odd", "list", "text"],
)
def test_a_set_without_a_usable_key_is_refused(document):
    with pytest.raises(ValueError):
        KeyRing.parse(document)


# An issuer with an address ------------------------------------------------------------------------------------------


class Clock:
    """Time as the test says."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def issuers(clock):
    made = Issuers(AddressRule(), clock)
    yield made
    await made.close()


def remote(issuers, downstream):
    block = {"type": "jwt", "issuer": ISSUER, "audience": AUDIENCE, "jwks_url": f"{downstream.url}/keys?v=1"}
    return parse(block, issuers), issuers.at(block["jwks_url"])


async def fetched(keys: RemoteKeys) -> None:
    keys.start()
    await keys.settled()


async def test_keys_are_fetched_once_and_then_nothing_is_asked(issuers, downstream):
    downstream.behave("/keys", json=KEYS)
    authorizer, _ = remote(issuers, downstream)
    for _ in range(5):
        assert await authorizer.authorize(bearing(token()), "") == "ann"
        assert await authorizer.authorize(bearing(token(EC, "ES256", "ec")), "") == "ann"
    assert downstream.count("/keys") == 1


async def test_requests_that_come_before_the_keys_wait_for_one_look(issuers, downstream):
    downstream.behave("/keys", json=KEYS, delay_s=0.2)
    authorizer, _ = remote(issuers, downstream)
    callers = await asyncio.gather(*(authorizer.authorize(bearing(token(jti=str(n))), "") for n in range(5)))
    assert callers == ["ann"] * 5
    assert downstream.count("/keys") == 1


async def test_a_new_key_of_the_issuer_is_found_by_its_first_token(issuers, downstream, clock):
    downstream.behave("/keys", json={"keys": [public(RSA, "rsa")]})
    authorizer, _ = remote(issuers, downstream)
    await authorizer.authorize(bearing(token()), "")
    downstream.behave("/keys", json={"keys": [public(RSA, "rsa"), public(OTHER_RSA, "next")]})
    clock.now += jwks.ASK_AGAIN_S
    assert await authorizer.authorize(bearing(token(OTHER_RSA, kid="next")), "") == "ann"


async def test_unknown_keys_make_nobody_ask_the_issuer_again_and_again(issuers, downstream):
    downstream.behave("/keys", json=KEYS)
    authorizer, _ = remote(issuers, downstream)
    for number in range(20):
        with pytest.raises(TokenInvalid, match="does not publish"):
            await authorizer.authorize(bearing(token(OTHER_RSA, kid=f"made-up-{number}")), "")
    assert downstream.count("/keys") == 1


async def test_keys_are_kept_while_the_issuer_is_away(issuers, downstream):
    downstream.behave("/keys", json=KEYS)
    authorizer, keys = remote(issuers, downstream)
    await authorizer.authorize(bearing(token()), "")
    for fault in ({"status": 500}, {"body": b"<html>"}, {"body": b'{"keys": []}'}, {"reset": True}):
        downstream.behave("/keys", **fault)
        await fetched(keys)
        assert await authorizer.authorize(bearing(token(jti=str(fault))), "") == "ann"


async def test_a_key_that_the_issuer_took_back_ends_the_tokens_that_were_verified_with_it(issuers, downstream):
    downstream.behave("/keys", json={"keys": [public(RSA, "rsa"), public(EC, "ec")]})
    authorizer, keys = remote(issuers, downstream)
    mine = bearing(token())
    assert await authorizer.authorize(mine, "") == "ann"
    downstream.behave("/keys", json={"keys": [public(EC, "ec")]})
    await fetched(keys)
    with pytest.raises(TokenInvalid):
        await authorizer.authorize(mine, "")


async def test_before_any_key_was_fetched_nobody_is_let_in_and_it_is_said_to_come_back(issuers, downstream):
    downstream.behave("/keys", status=503)
    authorizer, _ = remote(issuers, downstream)
    with pytest.raises(AuthorizerAway) as refused:
        await authorizer.authorize(bearing(token()), "")
    assert (refused.value.status, refused.value.retry_after_s) == (503, 5)


async def test_a_set_that_is_too_large_is_not_read(issuers, downstream):
    downstream.behave("/keys", huge=jwks.MAX_BYTES + 100_000)
    authorizer, _ = remote(issuers, downstream)
    with pytest.raises(AuthorizerAway):
        await authorizer.authorize(bearing(token()), "")


async def test_an_address_that_targets_may_not_have_is_not_asked_for_keys(downstream):
    downstream.behave("/keys", json=KEYS)
    strict = Issuers(AddressRule(allow_private=False))
    authorizer, _ = remote(strict, downstream)
    with pytest.raises(AuthorizerAway):
        await authorizer.authorize(bearing(token()), "")
    assert downstream.count("/keys") == 0
    await strict.close()


async def test_a_redirect_of_the_issuer_is_not_followed(issuers, downstream):
    downstream.behave("/elsewhere", json=KEYS)
    downstream.redirect("/keys", "/elsewhere")
    authorizer, _ = remote(issuers, downstream)
    with pytest.raises(AuthorizerAway):
        await authorizer.authorize(bearing(token()), "")


async def test_the_background_look_fetches_before_any_request(issuers, downstream):
    downstream.behave("/keys", json=KEYS)
    _, keys = remote(issuers, downstream)
    running = asyncio.ensure_future(issuers.run())
    for _ in range(500):
        if keys.ring is not None:
            break
        await asyncio.sleep(0.02)
    running.cancel()
    assert downstream.count("/keys") == 1


# A proxy that has authenticated the caller ----------------------------------------------------------------------------


@pytest.fixture
def proxied():
    return TrustedHeader("X-User", ["10.0.0.0/8", "::1/128"])


@pytest.mark.parametrize("peer", ["10.1.2.3", "::1", "::ffff:10.1.2.3"])
async def test_the_header_of_a_trusted_proxy_names_the_caller(proxied, peer):
    assert await proxied.authorize([(b"x-user", b" ann ")], peer) == "ann"
    assert proxied.private == {"x-user"}


@pytest.mark.parametrize("peer", ["11.0.0.1", "127.0.0.1", "::2", "nonsense", ""])
async def test_the_same_header_from_elsewhere_is_refused(proxied, peer):
    with pytest.raises(NotTrusted):
        await proxied.authorize([(b"x-user", b"ann")], peer)


@pytest.mark.parametrize("fields", [[], [(b"x-user", b" ")], [(b"x-user", b"ann"), (b"x-user", b"root")]])
async def test_a_proxy_that_names_nobody_or_two_is_refused(proxied, fields):
    with pytest.raises(NotTrusted):
        await proxied.authorize(fields, "10.0.0.1")
