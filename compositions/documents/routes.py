"""The shape of a route's document, the rules for its path, and its row as a document."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.documents.defaults import Document
from breakers.documents.fields import Checked, Flag, HeaderName, Number, Slug, Text, WholeNumber, Word
from compositions.frontdoor.matching import LITERAL, parse_template
from compositions.models import Route
from controlplane.kernel.rest import StrictSerializer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOT_SERVED = ("composition", "pipe")
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


class Method(Text):
    def to_internal_value(self, data: Any) -> str:
        method = super().to_internal_value(data)
        if method not in METHODS:
            remedy = (
                f"Write {method.upper()}: methods are in capitals" if method.upper() in METHODS else "Unknown method"
            )
            raise serializers.ValidationError(f"{remedy}. Known are {', '.join(METHODS)}.", "invalid_choice")
        return method


class IntegrationShape(StrictSerializer):
    type = Text(help_text="target. (composition and pipe are not served yet.)", max_length=20)
    target = Slug(required=False, help_text="Slug of the target, through whose guard every request passes.")
    path = Checked(
        target_path,
        required=False,
        allow_null=True,
        max_length=500,
        help_text="Path below base_url, with parameters of the route's path. Null: the request's own path.",
    )
    composition = Slug(required=False, help_text="Not served yet.")
    pipe = Slug(required=False, help_text="Not served yet.")

    def validate_type(self, value: str) -> str:
        if value in NOT_SERVED:
            raise serializers.ValidationError(f"Only target is served now; {value} is not.", "not_served")
        if value != "target":
            raise serializers.ValidationError(f"There is no integration {value!r}; use target.", "invalid_choice")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        foreign = {
            name: [ErrorDetail("Belongs to another type.", "unknown_field")] for name in NOT_SERVED if name in attrs
        }
        if foreign:
            raise serializers.ValidationError(foreign)
        if "target" not in attrs:
            raise serializers.ValidationError({"target": [ErrorDetail("Name the target.", "required")]})
        return attrs


class RouteCacheShape(StrictSerializer):
    ttl_s = Number(required=False, min_value=0, max_value=31_536_000, help_text="0. (A route cache is not served yet.)")
    vary_headers = serializers.ListField(child=HeaderName(), required=False, max_length=20)
    vary_query = serializers.ListField(
        child=Word(), required=False, allow_null=True, max_length=50, help_text="Default null: every parameter."
    )

    def validate_ttl_s(self, value: float) -> float:
        if value > 0:
            text = "A route keeps no answers yet; set cache.ttl_s of its target instead."
            raise serializers.ValidationError(text, "not_served")
        return value


class RouteShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    methods = serializers.ListField(
        child=Method(), required=False, min_length=1, max_length=len(METHODS), help_text='In capitals. Default ["GET"].'
    )
    path = Checked(template, max_length=500, help_text="OpenAPI path template; {rest+} matches the remainder.")
    priority = WholeNumber(required=False, min_value=0, max_value=1_000_000, help_text="Lowest first. Default 100.")
    enabled = Flag(required=False, help_text="Default true.")
    integration = IntegrationShape()
    cache = RouteCacheShape(required=False, allow_null=True)

    def validate_methods(self, methods: list[str]) -> list[str]:
        if twice := sorted({method for method in methods if methods.count(method) > 1}):
            raise serializers.ValidationError(f"Name each method once: {', '.join(twice)}.", "duplicate")
        return methods

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


def document(route: Route) -> Document:
    """What GET gives and PUT accepts."""
    ttl = route.cache_ttl_s
    return {
        "slug": route.slug,
        "title": route.title,
        "methods": list(route.methods),
        "path": route.path,
        "priority": route.priority,
        "enabled": route.enabled,
        "integration": {
            "type": route.integration_type,
            "target": route.target.slug,
            "path": route.integration_path or None,
        },
        "cache": {
            "ttl_s": int(ttl) if float(ttl).is_integer() else ttl,
            "vary_headers": list(route.cache_vary_headers),
            "vary_query": None if route.cache_vary_query is None else list(route.cache_vary_query),
        },
    }
