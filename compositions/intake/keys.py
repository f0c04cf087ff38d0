"""The Idempotency-Key header: draft-ietf-httpapi-idempotency-key-header."""

import hashlib
from collections.abc import Sequence

from controlplane.kernel.errors import FieldProblem, Invalid

NAME = "idempotency-key"
LONGEST = 255


def key_in(headers: Sequence[tuple[str, str]]) -> str | None:
    """The key that a request carries, without the quotes of a structured field; None without one. Raises Invalid."""
    given = [value for name, value in headers if name == NAME]
    if not given:
        return None
    if len(given) > 1:
        raise _invalid("duplicate", "Send one Idempotency-Key.")
    key = given[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not key:
        raise _invalid("blank", "Give a value that no other intent of yours has, such as a random UUID.")
    if len(key) > LONGEST or not key.isascii() or not key.isprintable():
        raise _invalid("invalid", f"Use at most {LONGEST} printable ASCII characters.")
    return key


def hashed(key: str, caller: str = "") -> str:
    """Of the key alone; with whom an authorizer has proved to call, so that nobody meets another caller's intent."""
    return hashlib.sha256(f"{caller}\0{key}".encode() if caller else key.encode()).hexdigest()


def missing() -> Invalid:
    return _invalid("required", "This pipe needs an Idempotency-Key: a value that no other intent of yours has.")


def _invalid(code: str, message: str) -> Invalid:
    return Invalid("The Idempotency-Key is not acceptable.", problems=[FieldProblem("Idempotency-Key", code, message)])
