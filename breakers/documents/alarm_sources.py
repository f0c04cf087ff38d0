"""The shape of an alarm source's document, and its row as a document. Secrets are in neither."""

from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.alarms.signatures import Unproved, host_of
from breakers.models import AlarmMessage, AlarmSource
from breakers.models.alarms import AlarmScheme
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import Checked, Flag, Slug, Text, WholeNumber

MAX_AGE_S = 900


def _topic(arn: str) -> None:
    try:
        host_of(arn)
    except Unproved:
        raise ValueError("Write the topic's ARN, such as arn:aws:sns:eu-central-1:123456789012:alarms") from None


def _pem(text: str) -> None:
    try:
        load_pem_x509_certificate(text.encode())
    except ValueError:
        raise ValueError("Paste one certificate as a PEM block, -----BEGIN CERTIFICATE-----") from None


class AlarmRule(StrictSerializer):
    alarm = Text(max_length=300, help_text="Name of the alarm; * at its end stands for any rest.")
    target = Slug(help_text="Target whose circuit it opens.")


class AlarmSourceShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    enabled = Flag(required=False, help_text="Default true.")
    scheme = serializers.ChoiceField(AlarmScheme.choices, help_text="How a message proves its origin.")
    topic_arn = Checked(_topic, required=False, allow_null=True, help_text="sns: the topic that is believed.")
    certificate = Checked(
        _pem, required=False, allow_null=True, help_text="sns: believed in place of SNS's own. Default null."
    )
    alarms = serializers.ListField(
        child=AlarmRule(), max_length=500, help_text="Which alarm opens which circuit; the first that fits."
    )
    max_age_s = WholeNumber(
        required=False, min_value=1, max_value=86_400, help_text="Default 900. An older alarm opens nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        problems: dict[str, Any] = {}
        if attrs["scheme"] == AlarmScheme.SNS:
            if not attrs.get("topic_arn"):
                problems["topic_arn"] = [ErrorDetail("Name the topic whose messages are believed.", "required")]
        else:
            for name in ("topic_arn", "certificate"):
                if attrs.get(name):
                    text = f"Scheme {attrs['scheme']} takes no {name}; leave it out, or choose sns."
                    problems[name] = [ErrorDetail(text, "foreign")]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "enabled": stated.get("enabled", True),
        "scheme": stated["scheme"],
        "topic_arn": stated.get("topic_arn") or None,
        "certificate": stated.get("certificate") or None,
        "alarms": [dict(rule) for rule in stated["alarms"]],
        "max_age_s": stated.get("max_age_s", MAX_AGE_S),
    }


def document(source: AlarmSource) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": source.slug,
        "title": source.title,
        "enabled": source.enabled,
        "scheme": source.scheme,
        "topic_arn": source.topic_arn or None,
        "certificate": source.certificate or None,
        "alarms": source.alarms,
        "max_age_s": source.max_age_s,
    }


def message_document(row: AlarmMessage) -> Document:
    return {
        "at": rfc3339(row.at),
        "alarm": row.alarm,
        "state": row.state,
        "target": row.target or None,
        "outcome": row.outcome,
        "detail": row.detail,
    }
