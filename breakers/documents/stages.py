"""The shape of a stage's document, the rules for hosts, base paths and origins, and its row as a document."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.models import Stage
from breakers.models.addresses import networks
from breakers.models.stages import LimitOnStoreError
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Burst, Checked, HeaderName, Number, Rate, Slug, Text, WholeNumber, Word, figure, once

MAIN = "main"
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"^(?:(?:\*\.)?{LABEL}(?:\.{LABEL})*|\[[0-9a-f:.]+\])$")

CACHE: Document = {"ttl_s": 0, "vary_headers": [], "vary_query": None}
PLAIN: Document = {
    "title": "",
    "hosts": [],
    "base_path": "/",
    "rate": None,
    "burst": None,
    "on_store_error": "local",
    "allowed_origins": [],
    "trusted_proxies": [],
    "max_body_bytes": None,
    "max_header_bytes": None,
}


def host(name: str) -> None:
    """A rule: a host name without scheme, port and path; *. at its beginning takes every name below."""
    if len(name) > 253 or not HOST.match(name):
        raise ValueError("Write a host name alone, such as api.example.com or *.example.com, without scheme and port")


def base_path(path: str) -> None:
    """A rule: literal segments that no client and no proxy rewrites."""
    if not path.startswith("/"):
        raise ValueError("Begin with /")
    if path == "/":
        return
    if path.endswith("/"):
        raise ValueError(f"Leave out the slash at the end: {path.rstrip('/') or '/'}")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]+", path):
        raise ValueError("Use letters, digits and - . _ ~ only: clients write anything else in several ways")
    segments = path[1:].split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise ValueError("Leave out empty segments and those of dots")
    if segments[0] == "-":
        raise ValueError("/-/ belongs to the front door itself; choose another first segment")


def origin(text: str) -> None:
    """A rule: an origin as browsers send it, or * for all."""
    if text == "*":
        return
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Write an origin such as https://shop.example.com, or * for every origin")
    bare = f"{parts.scheme}://{parts.netloc.lower()}"
    if parts.username is not None or text != bare:
        raise ValueError(f"An origin is scheme, host and port in lower case: {bare.rpartition('@')[2]}")
    if port == {"http": 80, "https": 443}[parts.scheme]:
        raise ValueError(f"Browsers leave out the usual port: write {bare.rpartition(':')[0]}")


def network(text: str) -> None:
    """A rule: an address or a network in CIDR notation."""
    try:
        networks([text])
    except DjangoValidationError as error:
        raise ValueError(error.messages[0].rstrip(".")) from None


class HostName(Checked):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(host, max_length=253, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data.lower() if isinstance(data, str) else data)


class StageCacheShape(StrictSerializer):
    ttl_s = Number(
        required=False,
        min_value=0,
        max_value=31_536_000,
        help_text="Default 0: never. Above 3600 is rarely meant: an answer is not asked for again before.",
    )
    vary_headers = serializers.ListField(child=HeaderName(), required=False, max_length=20, help_text="Default [].")
    vary_query = serializers.ListField(
        child=Word(), required=False, allow_null=True, max_length=50, help_text="Default null: every parameter."
    )


class StageShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    hosts = serializers.ListField(
        child=HostName(),
        required=False,
        max_length=100,
        help_text="Names that enter here; *.example.com takes every name below. Default []: any.",
    )
    base_path = Checked(
        base_path, required=False, max_length=200, help_text="Taken off before routes are matched. Default /."
    )
    rate = Rate(
        required=False, allow_null=True, help_text="Requests per second of everybody together. Default null: unlimited."
    )
    burst = Burst(required=False, allow_null=True, help_text="Requests at once. Default null: one second of the rate.")
    on_store_error = serializers.ChoiceField(LimitOnStoreError.choices, required=False, help_text="Default local.")
    allowed_origins = serializers.ListField(
        child=Checked(origin, max_length=300),
        required=False,
        max_length=100,
        help_text="Origins whose pages may call, or *. Default []: the downstream answers for CORS itself.",
    )
    trusted_proxies = serializers.ListField(
        child=Checked(network, max_length=50),
        required=False,
        max_length=200,
        help_text="Networks (CIDR) whose X-Forwarded-For is believed. Default [].",
    )
    max_body_bytes = WholeNumber(
        required=False, allow_null=True, min_value=0, max_value=1024**3, help_text="Default null: MAX_BODY_BYTES."
    )
    max_header_bytes = WholeNumber(
        required=False, allow_null=True, min_value=256, max_value=1024**2, help_text="Default null: no own limit."
    )
    cache = StageCacheShape(
        required=False, allow_null=True, help_text="What holds for routes that state no lifetime of their own."
    )

    def validate_hosts(self, hosts: list[str]) -> list[str]:
        return once(hosts, "host")

    def validate_allowed_origins(self, origins: list[str]) -> list[str]:
        if "*" in origins and len(origins) > 1:
            raise serializers.ValidationError("* allows every origin already; leave out the others.", "redundant")
        return once(origins, "origin")

    def validate_trusted_proxies(self, found: list[str]) -> list[str]:
        return once(found, "network")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return burst_needs_rate(attrs)


def burst_needs_rate(attrs: dict[str, Any]) -> dict[str, Any]:
    """A rule of every limit that may be left out."""
    if attrs.get("burst") is not None and attrs.get("rate") is None:
        text = "A burst alone limits nothing; state a rate as well, or leave out the burst."
        raise serializers.ValidationError({"burst": [ErrorDetail(text, "needs_rate")]})
    return attrs


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    cache = stated.get("cache") or {}
    found = {name: stated.get(name, default) for name, default in PLAIN.items()}
    return {"slug": slug, **found, "cache": {name: cache.get(name, default) for name, default in CACHE.items()}}


def document(stage: Stage) -> Document:
    """What GET gives and PUT accepts."""
    found: Document = {"slug": stage.slug, **{name: _value(getattr(stage, name)) for name in PLAIN}}
    return {**found, "cache": {name: _value(getattr(stage, f"cache_{name}")) for name in CACHE}}


def _value(value: Any) -> Any:
    return list(value) if isinstance(value, list) else figure(value)
