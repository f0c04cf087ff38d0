"""An issuer's public keys as people paste them: PEM blocks, each under a line with its key id."""

import json
import re
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

BLOCK = re.compile(
    r"\s*(?:kid:[ \t]*(?P<kid>\S+)\s+)?(?P<pem>-----BEGIN (?P<kind>[A-Z ]+)-----.*?-----END (?P=kind)-----)\s*", re.S
)

Jwk = dict[str, Any]


def shown(jwks: Jwk) -> str:
    """The keys of a set, one PEM block each."""
    return "\n\n".join(_block(key) for key in jwks["keys"])


def read(text: str, kept: Jwk | None = None) -> Jwk:
    """The key set that the blocks make. A key of `kept` that stays keeps its other members, such as `alg`.

    Raises ValueError with the remedy.
    """
    known = {_block(key): key for key in (kept or {"keys": []})["keys"]}
    keys: list[Jwk] = []
    at = 0
    while at < len(text.rstrip()):
        found = BLOCK.match(text, at)
        if found is None:
            raise ValueError("Paste public keys as PEM blocks, which begin with -----BEGIN PUBLIC KEY-----")
        at = found.end()
        if "PRIVATE" in found["kind"]:
            raise ValueError("This key is private: whoever reads it can make tokens. Paste the public part")
        key = _jwk(found["pem"]) | ({"kid": found["kid"]} if found["kid"] else {})
        keys.append(known.get(_block(key), key))
    return {"keys": keys}


def _block(key: Jwk) -> str:
    public = jwt.PyJWK(key).key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()
    return f"kid: {key['kid']}\n{pem}" if key.get("kid") else pem


def _jwk(pem: str) -> Jwk:
    try:
        public = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise ValueError(f"A block is no public key: {error}") from None
    match public:
        case rsa.RSAPublicKey():
            text = RSAAlgorithm.to_jwk(public)
        case ec.EllipticCurvePublicKey():
            text = ECAlgorithm.to_jwk(public)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            text = OKPAlgorithm.to_jwk(public)
        case _:
            raise ValueError("Use an RSA, EC or Ed25519 key")
    made: Jwk = json.loads(text)
    made.pop("key_ops", None)  # of a public key it says no more than the key itself
    return made
