"""The shape of a route's document, the rules for its path, and its row as a document."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.documents.defaults import Document
from breakers.documents.fields import (
    METHODS,
    Checked,
    Flag,
    HeaderName,
    Method,
    Number,
    Slug,
    Text,
    WholeNumber,
    Word,
    figure,
    once,
)
from breakers.documents.stages import MAIN
from compositions.frontdoor.matching import LITERAL, parse_template
from compositions.models import Route
from controlplane.kernel.rest import StrictSerializer

from . import authorizers

# What stands behind a route, by type: the fields of its block. The first names the noun, and must be given.
INTEGRATIONS: dict[str, tuple[str, ...]] = {
    "target": ("target", "path"),
    "composition": ("composition",),
    "pipe": ("pipe",),
}
BUILT_INS = "/-/"


def template(path: str) -> None:
    """A rule: OpenAPI-like, printable, and not an address of the front door itself. Raises ValueError."""
    if any(character <= " " or character > "~" or character in '"<>\\^`|' for character in path):
        raise ValueError("Percent-encode spaces, control characters and whatever is not ASCII")
    if path.startswith(BUILT_INS):
        raise ValueError(f"{BUILT_INS} belongs to the front door itself; choose another first segment")
    try:
        parse_template(path)
    except ValueError as error:
        raise ValueError(str(error).rstrip(".")) from None


def target_path(path: str) -> None:
    """A rule: like a route's path, save that a target may have its own `/-/`."""
    template(path.replace(BUILT_INS, "/_/", 1) if path.startswith(BUILT_INS) else path)


class IntegrationShape(StrictSerializer):
    type = Text(help_text=f"One of {', '.join(INTEGRATIONS)}.", max_length=20)
    target = Slug(required=False, help_text="target: slug of the target, through whose guard every request passes.")
    path = Checked(
        target_path,
        required=False,
        allow_null=True,
        max_length=500,
        help_text="target: path below base_url, with parameters of the route's path. Null: the request's own path.",
    )
    composition = Slug(
        required=False, help_text="composition: slug of an EXPRESS workflow, whose output is the answer."
    )
    pipe = Slug(required=False, help_text="pipe: slug of the pipe that takes the body as an intent and answers 202.")

    def validate_type(self, value: str) -> str:
        if value not in INTEGRATIONS:
            known = " or ".join(INTEGRATIONS)
            raise serializers.ValidationError(f"There is no integration {value!r}; use {known}.", "invalid_choice")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = INTEGRATIONS[attrs["type"]]
        problems = {
            name: [ErrorDetail("Belongs to another type.", "unknown_field")]
            for name in attrs
            if name != "type" and name not in known
        }
        if known[0] not in attrs:
            problems[known[0]] = [ErrorDetail(f"Name the {known[0]}.", "required")]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


class RouteCacheShape(StrictSerializer):
    ttl_s = Number(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=31_536_000,
        help_text="0: never. Default null: as the stage says. Above 3600 is rarely meant: an answer is not asked for "
        "again before.",
    )
    vary_headers = serializers.ListField(child=HeaderName(), required=False, max_length=20)
    vary_query = serializers.ListField(
        child=Word(), required=False, allow_null=True, max_length=50, help_text="Default null: every parameter."
    )


class RouteShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    tags = serializers.ListField(child=Word(), required=False, max_length=50, help_text="Default [].")
    methods = serializers.ListField(
        child=Method(), required=False, min_length=1, max_length=len(METHODS), help_text='In capitals. Default ["GET"].'
    )
    path = Checked(template, max_length=500, help_text="OpenAPI path template; {rest+} matches the remainder.")
    priority = WholeNumber(required=False, min_value=0, max_value=1_000_000, help_text="Lowest first. Default 100.")
    enabled = Flag(required=False, help_text="Default true.")
    integration = IntegrationShape()
    stages = serializers.ListField(
        child=Slug(),
        required=False,
        min_length=1,
        max_length=100,
        help_text='Entrances through which it can be reached. Default ["main"].',
    )
    api_key_required = Flag(
        required=False, help_text="Default false. A key identifies a consumer; it does not authenticate one."
    )
    authorizer = authorizers.AuthorizerShape(
        required=False, allow_null=True, help_text="What proves who calls. Default null: nothing."
    )
    cache = RouteCacheShape(required=False, allow_null=True)

    def validate_methods(self, methods: list[str]) -> list[str]:
        return once(methods, "method")

    def validate_stages(self, slugs: list[str]) -> list[str]:
        return once(slugs, "stage")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        path = attrs["integration"].get("path")
        unknown = set(parse_template(path).names) - set(parse_template(attrs["path"]).names) if path else set()
        if unknown:
            names = ", ".join(sorted(unknown))
            text = f"The route's path has no parameter {names}; use those that it has, or add it there."
            raise serializers.ValidationError({"integration": {"path": [ErrorDetail(text, "unknown_parameter")]}})
        return attrs


def likeness(path: str) -> tuple[tuple[int, str], ...]:
    """What a path matches, whatever its parameters are called: equal for paths that match the same requests."""
    return tuple((part.kind, part.text if part.kind == LITERAL else "") for part in parse_template(path).segments)


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    cache = stated.get("cache") or {}
    block = stated["integration"]
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "tags": list(stated.get("tags", [])),
        "methods": list(stated.get("methods", ["GET"])),
        "path": stated["path"],
        "priority": stated.get("priority", 100),
        "enabled": stated.get("enabled", True),
        "integration": {"type": block["type"]}
        | {name: block.get(name) or None for name in INTEGRATIONS[block["type"]]},
        "stages": sorted(stated.get("stages", [MAIN])),
        "api_key_required": stated.get("api_key_required", False),
        "authorizer": stated.get("authorizer"),
        "cache": {
            "ttl_s": figure(cache.get("ttl_s")),
            "vary_headers": list(cache.get("vary_headers", [])),
            "vary_query": cache.get("vary_query"),
        },
    }


# How a field of an integration's block is read off a row.
COLUMNS: dict[str, Callable[[Route], str | None]] = {
    "target": lambda route: route.target.slug if route.target else None,
    "path": lambda route: route.integration_path,
    "composition": lambda route: route.composition.slug if route.composition else None,
    "pipe": lambda route: route.pipe.slug if route.pipe else None,
}


def document(route: Route) -> Document:
    """What GET gives and PUT accepts."""
    stated = {
        **{name: getattr(route, name) for name in ("title", "tags", "methods", "path", "priority", "enabled")},
        "integration": {"type": route.integration_type, **{name: read(route) for name, read in COLUMNS.items()}},
        "stages": [stage.slug for stage in route.stages.all()],
        "api_key_required": route.api_key_required,
        "authorizer": authorizers.document(route),
        "cache": {
            "ttl_s": route.cache_ttl_s,
            "vary_headers": route.cache_vary_headers,
            "vary_query": None if route.cache_vary_query is None else list(route.cache_vary_query),
        },
    }
    return complete(route.slug, stated)
