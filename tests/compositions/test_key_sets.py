"""Public keys can be pasted as PEM, and are shown as they were pasted."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm

from compositions import key_sets

EC = ec.generate_private_key(ec.SECP256R1())


def pem(private: Any) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("private", "kind"),
    [(rsa.generate_private_key(65537, 2048), "RSA"), (EC, "EC"), (ed25519.Ed25519PrivateKey.generate(), "OKP")],
    ids=["RSA", "EC", "Ed25519"],
)
def test_a_pasted_key_is_shown_as_it_was_pasted(private: Any, kind: str) -> None:
    text = f"kid: spring\n{pem(private).strip()}"
    read = key_sets.read(text + "\n")
    assert [(key["kty"], key["kid"]) for key in read["keys"]] == [(kind, "spring")]
    assert key_sets.shown(read) == text


def test_several_keys_keep_their_order_and_what_else_was_said_of_them() -> None:
    kept = {"keys": [{**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "old", "alg": "ES256", "use": "sig"}]}
    text = f"kid: new\n{pem(ed25519.Ed25519PrivateKey.generate())}\n\n{key_sets.shown(kept)}"
    new, old = key_sets.read(text, kept)["keys"]
    assert new["kid"] == "new"
    assert old == kept["keys"][0]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('{"keys": []}', "Paste public keys as PEM"),
        (EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), "This key is private"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "A block is no public key"),
        (pem(dsa.generate_private_key(1024)), "Use an RSA, EC or Ed25519 key"),
    ],
    ids=["JSON", "private", "damaged", "DSA"],
)
def test_what_is_no_public_key_is_refused_with_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        key_sets.read(text)
