"""The shape of a purge: of a target, a route, a tag, or of one request, which REST calls a key."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from controlplane.kernel.rest import StrictSerializer

from .fields import Slug, Text, Word

KINDS = ("target", "route", "tag", "key")


class KeyShape(StrictSerializer):
    target = Slug(required=False, help_text="Whose answer: a target, or a route.")
    route = Slug(required=False)
    method = serializers.ChoiceField(["GET"], required=False, help_text="Only answers to GET are kept.")
    path = Text(
        max_length=2000,
        help_text="As it is asked of the target, or at the front door below the base path of its stage.",
    )
    query = Text(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=4000,
        help_text='Without "?". Default null: any.',
    )
    headers = serializers.DictField(
        child=serializers.CharField(allow_null=True, max_length=4000),
        required=False,
        help_text="Headers that make a different answer; null: not sent. Those left out: any.",
    )

    def validate_path(self, path: str) -> str:
        if not path.startswith("/") or any(character in path for character in "?#\n"):
            raise serializers.ValidationError("Begin with /, and leave out query and fragment.", "invalid")
        return path

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("target" in attrs) == ("route" in attrs):
            raise serializers.ValidationError({"target": [ErrorDetail("Name a target or a route.", "required")]})
        return attrs


class PurgeShape(StrictSerializer):
    target = Slug(required=False, help_text="What is kept of this target, and of the routes that lead to it.")
    route = Slug(required=False, help_text="What the front door keeps of this route, in every stage.")
    tag = Word(required=False, help_text="Targets, routes and single answers (Cache-Tag, Surrogate-Key) with this tag.")
    key = KeyShape(required=False, help_text="The answers to one request.")
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(kind in attrs for kind in KINDS) != 1:
            text = f"Name exactly one of {', '.join(KINDS)}."
            raise serializers.ValidationError({"target": [ErrorDetail(text, "required")]})
        return attrs


class AppliedView(serializers.Serializer[Any]):
    applied = serializers.IntegerField(help_text="Front doors that go by the purge already; the others follow.")
    total = serializers.IntegerField(help_text="Front doors that are alive.")


class PurgedView(serializers.Serializer[Any]):
    purged = serializers.ListField(child=serializers.CharField(), help_text='"target:catalog", "route:news", "tag:…"')
    removed = serializers.IntegerField(
        allow_null=True, help_text="Answers deleted from the shared store; null: it is away, and they are ignored."
    )
    version = serializers.IntegerField(help_text="Configuration version that carries the purge.")
    workers = AppliedView()
