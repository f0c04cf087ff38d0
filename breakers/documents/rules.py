"""The shape of a request rule's document, and its row as a document."""

import re
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.core.statements import LABEL, LABEL_RULE
from breakers.models import RequestRule
from breakers.models.rules import RuleAction, RuleWindow
from controlplane.kernel.rest import StrictSerializer

from .defaults import Document
from .fields import TOKEN, Flag, Slug, Text, WholeNumber, once

KEYS = ("ip", "forwarded_ip", "path", "key")
HEADER = "header:"
# Where no trusted proxy stands before the front door this is the peer's own address; behind one it is the client's.
DEFAULT_KEYS = ("forwarded_ip",)
MEDIA_TYPE = re.compile(r"[!#$&^_.+\-A-Za-z0-9]+/[!#$&^_.+\-A-Za-z0-9]+(?: *; *[!#$&^_.+\-A-Za-z0-9]+=[!-~]+)*")


class RateKey(Text):
    """One of KEYS, or `header:Name`."""

    def to_internal_value(self, data: Any) -> str:
        key = super().to_internal_value(data)
        if key in KEYS or (key.startswith(HEADER) and len(key) <= 100 and TOKEN.match(key.removeprefix(HEADER))):
            return key
        raise serializers.ValidationError(f"Use {', '.join(KEYS)} or header:Name.", "invalid_choice")


class Tree(serializers.JSONField):
    """A JSON object; the language of statements judges what is in it."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("A statement is a JSON object.", "invalid")
        return super().to_internal_value(data)


class RateShape(StrictSerializer):
    limit = WholeNumber(
        min_value=1,
        max_value=2_000_000_000,
        help_text="Requests of one client in the window; more are over the limit. AWS WAF's least is 10.",
    )
    window_s = serializers.ChoiceField(RuleWindow.choices, required=False, help_text="Default 300.")
    keys = serializers.ListField(
        child=RateKey(),
        required=False,
        max_length=5,
        help_text="What makes requests one client: ip, forwarded_ip, path, key, header:Name. Default forwarded_ip; "
        "none: all requests are counted together. Who leaves one of them out is one client with all who do.",
    )

    def validate_keys(self, keys: list[str]) -> list[str]:
        return once(keys, "key")


class AnswerShape(StrictSerializer):
    status = WholeNumber(required=False, allow_null=True, min_value=400, max_value=599, help_text="Default 403 or 429.")
    body = Text(required=False, allow_blank=True, max_length=4000, trim_whitespace=False)
    content_type = Text(required=False, allow_blank=True, max_length=100, help_text="Default text/plain.")

    def validate_content_type(self, given: str) -> str:
        if given and not MEDIA_TYPE.fullmatch(given):
            raise serializers.ValidationError("Write a media type, such as text/html or application/json.", "invalid")
        return given


class RuleShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    priority = WholeNumber(
        required=False, min_value=0, max_value=1_000_000, help_text="The lowest is asked first. Default 100."
    )
    enabled = Flag(required=False, help_text="Default true.")
    stage = Slug(required=False, allow_null=True, help_text="Only in this stage. Default null: in every stage.")
    statement = Tree(
        required=False,
        help_text="What a request must be like; {} fits every request. all, any and not join statements; the others "
        "are ip, forwarded_ip, path, method, header, query, label and size.",
    )
    label = Text(  # type: ignore[assignment]  # the serializer's own `label` is not used
        required=False, allow_blank=True, max_length=100, help_text="Put on requests on which the rule acts."
    )
    rate = RateShape(required=False, allow_null=True, help_text="Act only above a rate. Default null: always.")
    action = serializers.ChoiceField(RuleAction.choices, required=False, help_text="Default count.")
    answer = AnswerShape(required=False, allow_null=True, help_text="A block's own answer. Default null: a problem.")

    def validate_label(self, label: str) -> str:
        if label and not LABEL.fullmatch(label):
            raise serializers.ValidationError(LABEL_RULE, "invalid")
        return label

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        holds_back = attrs.get("action") in (RuleAction.BLOCK, RuleAction.CHALLENGE)
        if holds_back and attrs.get("rate") is None and "statement" not in attrs:
            text = f"State which requests to {attrs['action']}; {{}} would {attrs['action']} every one."
            raise serializers.ValidationError({"statement": [ErrorDetail(text, "required")]})
        return attrs


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    rate, answer = stated.get("rate"), stated.get("answer") or {}
    return {
        "slug": slug,
        "title": stated.get("title", ""),
        "priority": stated.get("priority", 100),
        "enabled": stated.get("enabled", True),
        "stage": stated.get("stage"),
        "statement": stated.get("statement", {}),
        "label": stated.get("label", ""),
        "rate": None
        if rate is None
        else {
            "limit": rate["limit"],
            "window_s": int(rate.get("window_s", RuleWindow.FIVE_MINUTES)),
            "keys": list(rate.get("keys", DEFAULT_KEYS)),
        },
        "action": str(stated.get("action", RuleAction.COUNT)),
        "answer": _answer(answer.get("status"), answer.get("body", ""), answer.get("content_type", "")),
    }


def document(rule: RequestRule) -> Document:
    """What GET gives and PUT accepts."""
    return {
        "slug": rule.slug,
        "title": rule.title,
        "priority": rule.priority,
        "enabled": rule.enabled,
        "stage": rule.stage.slug if rule.stage else None,
        "statement": rule.statement,
        "label": rule.label,
        "rate": None
        if rule.rate_limit is None
        else {"limit": rule.rate_limit, "window_s": int(rule.rate_window_s), "keys": list(rule.rate_keys or [])},
        "action": str(rule.action),
        "answer": _answer(rule.answer_status, rule.answer_body, rule.answer_content_type),
    }


def _answer(status: int | None, body: str, content_type: str) -> Document | None:
    if status is None and not body and not content_type:
        return None
    return {"status": status, "body": body, "content_type": content_type}
