"""The shapes of a journey and of an operator's word on its delay, and a journey's rows as a document."""

import re

from rest_framework import serializers

from breakers.delays import messages as words
from breakers.models import Journey
from breakers.models.delays import ClearOn, Severity
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Flag, Number, Slug, Text, WholeNumber, figure

LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
WEEK_S = 604_800


class JourneyShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    targets = serializers.ListField(
        child=Slug(), required=False, max_length=100, help_text="Slugs of the targets that it cannot do without."
    )
    severity = serializers.ChoiceField(Severity.choices, required=False, help_text="Default warning.")
    messages = serializers.DictField(
        child=Text(max_length=500),
        required=False,
        help_text="What customers read, by language tag. May name {title} and {time}. Default: words in English and "
        "German that are shipped.",
    )
    raise_at_age_s = Number(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=31_536_000,
        help_text="Raise the flag when the oldest intent waits so long. Default null: never for that.",
    )
    raise_at_backlog = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=100_000_000,
        help_text="Raise the flag when so many intents wait. Default null: never for that.",
    )
    clear_on = serializers.ChoiceField(
        ClearOn.choices,
        required=False,
        help_text="Take it down on close of the circuits (default), or when what waited has drained as well.",
    )

    def validate_targets(self, slugs: list[str]) -> list[str]:
        if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
            raise serializers.ValidationError(f"Name each target once: {', '.join(twice)}.", "duplicate")
        return slugs

    def validate_messages(self, messages: dict[str, str]) -> dict[str, str]:
        odd = {tag: ["Use a language tag, such as en or de-AT."] for tag in messages if not LANGUAGE.match(tag)}
        if odd:
            raise serializers.ValidationError(odd, "invalid")
        if broken := {tag: [found] for tag, text in messages.items() if (found := words.problem(text))}:
            raise serializers.ValidationError(broken, "placeholder")
        return messages


class DelayShape(StrictSerializer):
    delayed = Flag(required=False, help_text="Default true.")
    message = Text(required=False, allow_blank=True, max_length=500, help_text="Default: the journey's message.")
    severity = serializers.ChoiceField(
        Severity.choices, required=False, allow_null=True, help_text="Default: the journey's severity."
    )
    reason = Text(max_length=500, help_text="Why; for the audit, not shown to customers.")
    expires_in_s = Number(
        required=False, allow_null=True, min_value=1, max_value=WEEK_S, help_text="Default 3600; null: until cleared."
    )


def document(journey: Journey) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": journey.slug,
        "title": journey.title,
        "targets": [step.target.slug for step in journey.steps.all()],
        "severity": journey.severity,
        "messages": {message.language: message.text for message in journey.messages.all()},
        "raise_at_age_s": figure(journey.raise_at_age_s),
        "raise_at_backlog": journey.raise_at_backlog,
        "clear_on": journey.clear_on,
    }
