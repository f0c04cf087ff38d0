"""The shape of a consumer's document, and its row as one."""

from rest_framework import serializers

from breakers.models import Consumer
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Slug, Text, Word

MOST_TAGS = 50


def tags_field() -> serializers.ListField:
    return serializers.ListField(
        child=Word(), required=False, max_length=MOST_TAGS, help_text="Words to find it by. Default none."
    )


class ConsumerShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200, help_text="Default: the slug.")
    contact = Text(
        required=False, allow_blank=True, max_length=200, help_text="Whom to tell when a limit is near or a key leaks."
    )
    tags = tags_field()


def document(consumer: Consumer) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": consumer.slug,
        "title": consumer.title,
        "contact": consumer.contact,
        "tags": list(consumer.tags or []),
    }
