"""Secrets in documents: written, never read back. GET shows {"set": true}, and to PUT that back keeps what is there.

What is kept is kept for the place that it was stated for: whoever points a target or a proxy elsewhere states the
secret again, or it could be sent to a place from which it is read.
"""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from breakers.models import Target
from controlplane.kernel import secrets
from controlplane.kernel.errors import FieldProblem, Invalid

from .defaults import Document

LONGEST = 4096


class SecretField(serializers.JSONField):
    """Text, or {"set": true} to go on with the one that is kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            allow_null=True,
            help_text='Write only: text. GET gives {"set": true}, and PUT of that keeps it.',
            **kwargs,
        )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and set(data) <= {"set", "version"} and isinstance(data.get("set"), bool):
            return {"set": True} if data["set"] else None
        if not isinstance(data, str) or not data:
            raise serializers.ValidationError('Use text, or {"set": true} to keep what is there.', "invalid")
        if len(data) > LONGEST or any(letter < " " or letter == "\x7f" or letter > "ÿ" for letter in data):
            text = f"Use at most {LONGEST} characters of Latin-1, without control characters: it travels in a header."
            raise serializers.ValidationError(text, "invalid")
        return data


def shown(sealed: str) -> Document | None:
    """A kept secret as documents show it; `version` changes with it, so that audit and ETag see the change."""
    return {"set": True, "version": secrets.version_of(sealed)} if sealed else None


def written(stated: Any, kept: str) -> str:
    """The column's new value for what a document states."""
    if isinstance(stated, str):
        return secrets.seal(stated)
    return kept if stated else ""


def check(present: Target | None, stated: Document) -> None:
    """Raise Invalid where a document goes on with a secret that is not kept, or that was stated for another place."""
    proxy, credentials = stated.get("proxy") or {}, stated.get("credentials") or {}
    field = "password" if credentials.get("type") == "basic" else "value"
    found: list[FieldProblem] = []
    if isinstance(proxy.get("password"), dict):
        same = present is not None and present.proxy_url == proxy.get("url")
        found += _problem("proxy.password", bool(present and present.proxy_password), same)
    if isinstance(credentials.get(field), dict):
        same = present is not None and _sent_no_further(present, stated["base_url"], proxy.get("url", ""))
        found += _problem(f"credentials.{field}", bool(present and present.credentials_secret), same)
    if found:
        raise Invalid("A secret has to be stated.", problems=found)


def _problem(path: str, kept: bool, same: bool) -> list[FieldProblem]:
    if not kept:
        return [FieldProblem(path, "not_kept", "Nothing is kept that could be gone on with; state it.")]
    if not same:
        text = "The address has changed: state it again, for what is kept is not sent to another place."
        return [FieldProblem(path, "elsewhere", text)]
    return []


def _sent_no_further(present: Target, base_url: str, proxy_url: str) -> bool:
    """Whether nobody new reads what is sent: the origin is the same, and so is a proxy that sees plain HTTP."""
    before, after = urlsplit(present.base_url), urlsplit(base_url)
    if (before.scheme, before.netloc.lower()) != (after.scheme, after.netloc.lower()):
        return False
    return after.scheme == "https" or proxy_url in ("", present.proxy_url)
