"""The shape of a usage plan's document, and its rows as a document."""

import difflib
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.models import UsagePlan
from breakers.models.plans import PlanMode, QuotaPeriod
from breakers.models.stages import LimitOnStoreError
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Burst, Checked, Method, Rate, Slug, Text, WholeNumber, figure, once
from .stages import MAIN, burst_needs_rate

# Hours of the shortest period of each kind; a month may be February.
PERIOD_H = {"DAY": 24, "WEEK": 7 * 24, "MONTH": 28 * 24}

PLAIN: Document = {
    "title": "",
    "description": "",
    "rate": None,
    "burst": None,
    "mode": "enforce",
    "on_store_error": "local",
}
QUOTA: Document = {"period": "MONTH", "time_zone": "UTC", "offset_h": 0}


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone(name: str) -> None:
    """A rule: a name of the tz database, as it is spelt there."""
    if name in _zones():
        return
    near = difflib.get_close_matches(name, _zones(), 1, 0.6) or [z for z in _zones() if z.lower() == name.lower()]
    hint = f"; the nearest is {near[0]}" if near else "; write one such as Europe/Vienna or UTC"
    raise ValueError(f"There is no time zone {name!r}{hint}")


class QuotaShape(StrictSerializer):
    limit = WholeNumber(min_value=1, max_value=10**15, help_text="Requests of one consumer in each period.")
    period = serializers.ChoiceField(QuotaPeriod.choices, required=False, help_text="Default MONTH.")
    time_zone = Checked(
        time_zone, required=False, max_length=64, help_text="In which periods begin at midnight. Default UTC."
    )
    offset_h = WholeNumber(
        required=False, min_value=0, max_value=671, help_text="Hours by which periods begin later. Default 0."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        period = str(attrs.get("period", QUOTA["period"]))
        if attrs.get("offset_h", 0) >= PERIOD_H[period]:
            text = f"A {period} may have only {PERIOD_H[period]} h; use 0 to {PERIOD_H[period] - 1}."
            raise serializers.ValidationError({"offset_h": [ErrorDetail(text, "beyond_period")]})
        return attrs


class PlanOverrideShape(StrictSerializer):
    route = Slug(required=False, allow_null=True, help_text="Slug of the route. Default null: any.")
    method = Method(required=False, allow_null=True, help_text="Default null: any.")
    rate = Rate(help_text="Requests per second of one consumer here.")
    burst = Burst(required=False, allow_null=True, help_text="Default null: one second of the rate.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("route") is None and attrs.get("method") is None:
            text = "Name a route, a method or both; for everything else set the plan's own rate."
            raise serializers.ValidationError({"route": [ErrorDetail(text, "required")]})
        return attrs


class UsagePlanShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    description = Text(required=False, allow_blank=True, max_length=4000)
    rate = Rate(
        required=False, allow_null=True, help_text="Requests per second of one consumer. Default null: unlimited."
    )
    burst = Burst(required=False, allow_null=True, help_text="Requests at once. Default null: one second of the rate.")
    quota = QuotaShape(required=False, allow_null=True, help_text="Default null: unlimited.")
    stages = serializers.ListField(
        child=Slug(), required=False, max_length=100, help_text='Entrances that a key opens. Default ["main"].'
    )
    overrides = PlanOverrideShape(
        many=True, required=False, help_text="Limits that replace the plan's own. Default []."
    )
    mode = serializers.ChoiceField(PlanMode.choices, required=False, help_text="Default enforce.")
    on_store_error = serializers.ChoiceField(LimitOnStoreError.choices, required=False, help_text="Default local.")

    def validate_stages(self, slugs: list[str]) -> list[str]:
        return once(slugs, "stage")

    def validate_overrides(self, overrides: list[Document]) -> list[Document]:
        seen: set[tuple[str | None, str | None]] = set()
        problems: list[Any] = []
        for override in overrides:
            place = (override.get("route"), override.get("method"))
            text = "Another override has the same route and method; leave one of the two."
            problems.append({"route": [ErrorDetail(text, "duplicate")]} if place in seen else {})
            seen.add(place)
        if any(problems):
            raise serializers.ValidationError(problems)
        return overrides

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return burst_needs_rate(attrs)


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    plain = {name: stated.get(name, default) for name, default in PLAIN.items()}
    quota = stated.get("quota")
    return {
        "slug": slug,
        "title": plain["title"],
        "description": plain["description"],
        "rate": figure(plain["rate"]),
        "burst": plain["burst"],
        "quota": None if quota is None else {"limit": quota["limit"], **{k: quota.get(k, v) for k, v in QUOTA.items()}},
        "stages": sorted(stated.get("stages", [MAIN])),
        "overrides": [
            {
                "route": override.get("route"),
                "method": override.get("method"),
                "rate": figure(override["rate"]),
                "burst": override.get("burst"),
            }
            for override in stated.get("overrides", [])
        ],
        "mode": plain["mode"],
        "on_store_error": plain["on_store_error"],
    }


def document(plan: UsagePlan) -> Document:
    """What GET gives and PUT accepts."""
    quota = {
        "limit": plan.quota_limit,
        "period": plan.quota_period,
        "time_zone": plan.quota_time_zone,
        "offset_h": plan.quota_offset_h,
    }
    overrides = [
        {"route": row.route or None, "method": row.method or None, "rate": row.rate, "burst": row.burst}
        for row in plan.overrides.all()
    ]
    stated = {
        **{name: getattr(plan, name) for name in PLAIN},
        "quota": None if plan.quota_limit is None else quota,
        "stages": [stage.slug for stage in plan.stages.all()],
        "overrides": overrides,
    }
    return complete(plan.slug, stated)
