"""The shape of an action's document, and its row as a document."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.actions import KINDS
from breakers.models import Action
from breakers.models.actions import ActionKind
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Flag, Slug, Text, Word, once

LEVELS = {"when_open": "opened", "when_closed": "closed"}


class ActionShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    enabled = Flag(required=False, help_text="Default true.")
    subjects = serializers.ListField(
        child=Word(),
        min_length=1,
        max_length=50,
        help_text="What it follows, such as circuit:payment or journey:subscribing; open while any of them is.",
    )
    kind = serializers.ChoiceField(ActionKind.choices, help_text="What it holds.")
    name = Text(max_length=1024, help_text="Name of the pipe or parameter; name or ARN of the event bus.")
    when_open = Text(
        required=False,
        allow_blank=True,
        help_text="Default STOPPED, true or Opened, by kind. Empty: left as it is while open.",
    )
    when_closed = Text(
        required=False,
        allow_blank=True,
        help_text="Default RUNNING, false or Closed, by kind. Empty: left as it is while closed.",
    )
    account = serializers.RegexField(
        r"^\d{12}$", required=False, allow_null=True, help_text="Default null: the account of the processes."
    )
    region = serializers.RegexField(
        r"^[a-z]{2}(-[a-z]+)+-\d$", required=False, allow_null=True, help_text="Default null: AWS_REGION."
    )

    def validate_subjects(self, names: list[str]) -> list[str]:
        return once(names, "subject")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = KINDS[attrs["kind"]]
        problems: dict[str, Any] = {}
        if not kind.rule.fullmatch(attrs["name"]):
            problems["name"] = [ErrorDetail(kind.remedy, "invalid")]
        for name in LEVELS:
            value = attrs.get(name)
            if value and (wrong := kind.values(value)):
                problems[name] = [ErrorDetail(wrong, "invalid")]
        if attrs.get("when_open") == "" and attrs.get("when_closed") == "":
            text = "One of when_open and when_closed must say something; or set enabled to false."
            problems["when_open"] = [ErrorDetail(text, "required")]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    kind = KINDS[stated["kind"]]
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "enabled": stated.get("enabled", True),
        "subjects": list(stated["subjects"]),
        "kind": stated["kind"],
        "name": stated["name"],
        **{name: stated.get(name, getattr(kind, default)) for name, default in LEVELS.items()},
        "account": stated.get("account"),
        "region": stated.get("region"),
    }


def document(action: Action) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": action.slug,
        "title": action.title,
        "enabled": action.enabled,
        "subjects": list(action.subjects),
        "kind": action.kind,
        "name": action.name,
        "when_open": action.when_open,
        "when_closed": action.when_closed,
        "account": action.account or None,
        "region": action.region or None,
    }
