"""The shape of a composition's document, and its row as a document."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.documents.defaults import Document
from breakers.documents.fields import Flag, Number, Slug, Text, WholeNumber, Word, figure, once
from compositions import texts
from compositions.models import Composition
from compositions.models.compositions import LONGEST_EXPRESS_MS, WorkflowType
from compositions.review import SEVERITIES
from controlplane.kernel.rest import StrictSerializer

EXPRESS, STANDARD = WorkflowType.EXPRESS.value, WorkflowType.STANDARD.value
TYPES = (EXPRESS, STANDARD)
DEFAULT_DEADLINE_MS = 10_000


@extend_schema_field(
    {
        "oneOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}],
        "description": "Amazon States Language: an object, or its text, which is kept as it is written.",
    }
)
class DefinitionField(serializers.Field[Any, Any, Any, Any]):
    default_error_messages = {"invalid": "Give Amazon States Language: a JSON object, or its text."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ReviewView(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Place in the definition: /States/Ask/Choices[0]/Next.")
    code = serializers.CharField()
    message = serializers.CharField(help_text="What is wrong, and what to do.")
    severity = serializers.ChoiceField(SEVERITIES)
    line = serializers.IntegerField(allow_null=True, help_text="From 1, where the definition came as text.")
    column = serializers.IntegerField(allow_null=True)


class CompositionShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    description = Text(required=False, allow_blank=True, max_length=4000)
    tags = serializers.ListField(child=Word(), required=False, max_length=50)
    type = serializers.ChoiceField(TYPES, required=False, help_text="Default EXPRESS.")
    definition = DefinitionField()
    deadline_ms = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LONGEST_EXPRESS_MS,
        help_text="EXPRESS: the longest that a run may take; default 10000. STANDARD: null.",
    )
    max_stale_s = Number(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=31_536_000,
        help_text="A run fails rather than use a kept answer older than this. Default null: as each target says.",
    )
    meta = Flag(required=False, help_text="Default false. The answer tells under _meta where its parts come from.")
    version = serializers.IntegerField(read_only=True, help_text="Number of the definition; not that of the ETag.")
    findings = ReviewView(many=True, read_only=True, help_text="What is not advisable in the definition.")

    def validate_tags(self, tags: list[str]) -> list[str]:
        return once(tags, "tag")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("type") == STANDARD and attrs.get("deadline_ms") is not None:
            text = "A STANDARD workflow has no deadline; leave it out, or give the definition TimeoutSeconds."
            raise serializers.ValidationError({"deadline_ms": [ErrorDetail(text, "unknown_field")]})
        return attrs


class ListedShape(CompositionShape):
    """In a list: nothing is reviewed for it."""

    findings = None  # type: ignore[assignment]


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated; without the version, which only a row has."""
    workflow = stated.get("type", EXPRESS)
    deadline = stated.get("deadline_ms") or (DEFAULT_DEADLINE_MS if workflow == EXPRESS else None)
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "description": stated.get("description", ""),
        "tags": list(stated.get("tags", [])),
        "type": workflow,
        "definition": stated["definition"],
        "deadline_ms": deadline,
        "max_stale_s": figure(stated.get("max_stale_s")),
        "meta": stated.get("meta", False),
    }


def document(row: Composition) -> Document:
    """What GET gives and PUT accepts, save what a review says of it."""
    names = ("title", "description", "tags", "type", "deadline_ms", "max_stale_s", "meta")
    stated = {name: getattr(row, name) for name in names} | {"definition": texts.read(row.definition)}
    return complete(row.slug, stated) | {"version": row.version}
