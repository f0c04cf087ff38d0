"""The shapes of an API key, and its row as a document. No document holds a key, nor its hash."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rest_framework import serializers

from breakers.core import api_keys
from breakers.core.api_keys import KeyState
from breakers.models import ApiKey, UsagePlan
from controlplane.kernel import clock
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import FieldProblem
from controlplane.kernel.rest import StrictSerializer

from .consumers import tags_field
from .defaults import Document
from .fields import Flag, Number, Slug, Text

MOST_PLANS = 50
LONGEST_GRACE_S = 90 * 86_400


class Moment(serializers.DateTimeField):
    """An RFC 3339 time; null means never."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str):
            self.fail("invalid", format="2026-12-31T23:59:59Z")
        return super().to_internal_value(value)


class KeyShape(StrictSerializer):
    title = Text(required=False, allow_blank=True, max_length=200, help_text="What it is used for. Default empty.")
    tags = tags_field()
    plans = serializers.ListField(
        child=Slug(), required=False, max_length=MOST_PLANS, help_text="Usage plans, at most one for each stage."
    )
    expires_at = Moment(required=False, allow_null=True, help_text="When it stops working by itself. Default: never.")


class NewKeyShape(KeyShape):
    key = Text(
        required=False,
        trim_whitespace=False,
        help_text=f"A key that exists already, {api_keys.SHORTEST} to {api_keys.LONGEST} characters. "
        "Default: a new one is made.",
    )


class RotateShape(StrictSerializer):
    grace_s = Number(
        required=False,
        min_value=0,
        max_value=LONGEST_GRACE_S,
        help_text="How long the old key works beside the new one. Default 86400; 0 ends it at once.",
    )
    expires_at = Moment(required=False, allow_null=True, help_text="Of the new key. Default: as the old one.")
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")


class ImportShape(StrictSerializer):
    csv = Text(max_length=2_000_000, trim_whitespace=False, help_text="The file's text, in API Gateway's format.")
    consumer = Slug(
        required=False, allow_null=True, help_text="Owner of all keys. Default: the Name column names the consumers."
    )
    plans = serializers.DictField(
        child=Slug(), required=False, help_text="Which plan here is meant by an id of the file: {c7y23b: gold}."
    )
    dry_run = Flag(required=False, help_text="Default true: say what would be done, and do nothing.")
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")


class KeyView(serializers.Serializer[Any]):
    """A key as GET shows it."""

    id = serializers.CharField()
    prefix = serializers.CharField(help_text="The key's first characters.")
    consumer = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField())
    plans = serializers.ListField(child=serializers.CharField())
    state = serializers.CharField(help_text=f"One of {', '.join(KeyState)}.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    successor = serializers.CharField(allow_null=True, help_text="The key that this one was rotated to.")
    predecessor = serializers.CharField(allow_null=True, help_text="The key that this one replaces.")
    grace_until = serializers.DateTimeField(allow_null=True, help_text="Until when a rotated key works.")
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_reason = serializers.CharField(allow_blank=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")


class NewKeyView(KeyView):
    key = serializers.CharField(help_text="The key itself, this once: only its hash is kept.")


def noted(key: ApiKey) -> Document:
    """What audit and revisions keep: all that was decided about a key, and nothing that merely comes with time."""
    return {
        "consumer": key.consumer.slug,
        "title": key.title,
        "tags": list(key.tags or []),
        "prefix": key.prefix,
        "plans": sorted(plan.slug for plan in key.plans.all()),
        "expires_at": rfc3339(key.expires_at),
        "successor": key.successor_id,
        "grace_until": rfc3339(key.grace_until),
        "revoked_at": rfc3339(key.revoked_at),
        "revoked_reason": key.revoked_reason,
    }


def document(key: ApiKey, now: datetime | None = None) -> Document:
    """What GET gives. The key comes with its consumer, plans and predecessor (`operations.keys.rows()`)."""
    predecessor = getattr(key, "predecessor", None)
    return {
        "id": key.id,
        **noted(key),
        "state": state(key, now or clock.now()).value,
        "predecessor": None if predecessor is None else predecessor.id,
        "created_at": rfc3339(key.created_at),
        "created_by": key.created_by,
        "last_used_at": rfc3339(key.last_used_at),
    }


def state(key: ApiKey, now: datetime) -> KeyState:
    return api_keys.state(
        now, revoked=key.revoked_at is not None, expires_at=key.expires_at, grace_until=key.grace_until
    )


def plan_problems(plans: Iterable[UsagePlan], path: str = "plans") -> list[FieldProblem]:
    """Two plans of one key that open the same stage: which of them would be metered could not be told."""
    first: dict[str, str] = {}
    found = []
    for plan in plans:
        for stage in sorted(stage.slug for stage in plan.stages.all()):
            other = first.setdefault(stage, plan.slug)
            if other != plan.slug:
                text = f"Plans {other} and {plan.slug} both open stage {stage}; a key has one plan for each stage."
                found.append(FieldProblem(path, "conflict", text))
    return found
