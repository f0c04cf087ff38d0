"""The shape of a throttle's document, and its row as a document."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.models import Throttle
from breakers.models.stages import LimitOnStoreError
from breakers.models.throttles import ThrottleScope
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Burst, Method, Rate, Slug, Text, figure

# What each scope must name, and what it may name besides.
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "account": ("", ()),
    "stage": ("stage", ()),
    "route": ("route", ("stage",)),
    "method": ("method", ("stage", "route")),
}


class ThrottleShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    scope = serializers.ChoiceField(ThrottleScope.choices, help_text="What it covers.")
    stage = Slug(required=False, allow_null=True, help_text="Only in this stage. Default null: in every stage.")
    route = Slug(required=False, allow_null=True, help_text="Slug of the route. Default null: any.")
    method = Method(required=False, allow_null=True, help_text="Default null: any.")
    rate = Rate(help_text="Requests per second of everybody together.")
    burst = Burst(required=False, allow_null=True, help_text="Default null: one second of the rate.")
    on_store_error = serializers.ChoiceField(LimitOnStoreError.choices, required=False, help_text="Default local.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        scope = attrs["scope"]
        needed, besides = PLACES[scope]
        problems: dict[str, Any] = {}
        for name in ("stage", "route", "method"):
            given = attrs.get(name) is not None
            if name == needed and not given:
                problems[name] = [ErrorDetail(f"A throttle of a {scope} names its {name}.", "required")]
            elif given and name != needed and name not in besides:
                text = f"Scope {scope} takes no {name}; leave it out, or choose another scope."
                problems[name] = [ErrorDetail(text, "foreign")]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "scope": stated["scope"],
        "stage": stated.get("stage"),
        "route": stated.get("route"),
        "method": stated.get("method"),
        "rate": figure(stated["rate"]),
        "burst": stated.get("burst"),
        "on_store_error": stated.get("on_store_error", "local"),
    }


def document(throttle: Throttle) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": throttle.slug,
        "title": throttle.title,
        "scope": throttle.scope,
        "stage": throttle.stage.slug if throttle.stage else None,
        "route": throttle.route or None,
        "method": throttle.method or None,
        "rate": figure(throttle.rate),
        "burst": throttle.burst,
        "on_store_error": throttle.on_store_error,
    }
