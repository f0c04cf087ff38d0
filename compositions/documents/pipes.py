"""The shape of a pipe's document, and its row as one."""

import json
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from breakers.admission.redaction import SECRETIVE, SENSITIVE_HEADERS
from breakers.documents.defaults import Document
from breakers.documents.fields import Checked, HeaderName, Number, Slug, Text, WholeNumber, figure, once
from breakers.models.addresses import web_address
from compositions.asl.paths import Path, PathError
from compositions.models import Pipe
from compositions.models.executions import WhenOpen
from compositions.models.pipes import KeyPolicy, RunState, SourceType, Tell
from compositions.patterns import problems as pattern_problems
from compositions.schemas import schema_problems
from controlplane.kernel.errors import FieldProblem
from controlplane.kernel.rest import StrictSerializer

MOST_HEADERS = 20
LARGEST_SCHEMA = 100_000
DRAIN: Document = {"start_per_s": 1, "ramp_s": 60, "max_per_s": None}
PLAIN: Document = {
    "title": "",
    "description": "",
    "enrichment": None,
    "filter": None,
    "schema": None,
    "order_by": None,
    "max_in_flight": 32,
    "max_backlog": 100_000,
    "max_attempts": 10,
    "max_age_s": None,
    "when_open": "hold",
    "idempotency_key": "optional",
    "keep_headers": [],
    "tell": "status",
    "retention_days": 30,
}


def order_path(path: str) -> None:
    """A rule: a reference path into the body. Raises ValueError."""
    try:
        parsed = Path(path)
    except PathError as error:
        raise ValueError(str(error).rstrip(".")) from None
    if not parsed.is_reference or parsed.variable or not path.startswith("$."):
        raise ValueError("Use a path to one field of the body, such as $.customer.id")


def keepable(name: str) -> None:
    """A rule: a header that proves who somebody is must not be stored. Raises ValueError."""
    if name.lower() in SENSITIVE_HEADERS or SECRETIVE.search(name):
        raise ValueError(f"{name} may carry a secret, and secrets are not kept. Leave it out")


class _Judged(serializers.JSONField):
    """JSON that a function of problems judges, each with its path below the field."""

    def __init__(self, judge: Any, **kwargs: Any) -> None:
        self.judge = judge
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        found: list[FieldProblem] = list(self.judge(data))
        if found:
            details: dict[str, list[ErrorDetail]] = {}
            for problem in found:
                details.setdefault(problem.path, []).append(ErrorDetail(problem.message, problem.code))
            raise serializers.ValidationError(details.get("", details))
        if len(json.dumps(data)) > LARGEST_SCHEMA:
            raise serializers.ValidationError(f"At most {LARGEST_SCHEMA} characters.", "max_length")
        return data


class KeptHeader(HeaderName):
    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data).lower()
        try:
            keepable(name)
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.", "secret") from None
        return name


class SourceShape(StrictSerializer):
    type = serializers.ChoiceField(
        SourceType.choices, help_text="database: what routes accept. sqs: messages of a queue besides."
    )
    queue_url = Checked(web_address, required=False, allow_null=True, max_length=500, help_text="sqs: the queue's URL.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        needed, given = attrs["type"] == SourceType.SQS, bool(attrs.get("queue_url"))
        if needed and not given:
            raise serializers.ValidationError({"queue_url": [ErrorDetail("Name the queue's URL.", "required")]})
        if given and not needed:
            text = "A database source has no queue."
            raise serializers.ValidationError({"queue_url": [ErrorDetail(text, "unknown_field")]})
        return attrs


class DrainShape(StrictSerializer):
    start_per_s = Number(required=False, min_value=0.001, max_value=100_000, help_text="Default 1.")
    ramp_s = Number(required=False, min_value=0, max_value=86_400, help_text="Default 60.")
    max_per_s = Number(
        required=False,
        allow_null=True,
        min_value=0.001,
        max_value=100_000,
        help_text="Default null: what the contracts of the targets allow.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        most = attrs.get("max_per_s")
        if most is not None and "start_per_s" in attrs and attrs["start_per_s"] > most:
            text = f"A drain that begins at {attrs['start_per_s']:g}/s would exceed max_per_s ({most:g}/s) at once."
            raise serializers.ValidationError({"start_per_s": [ErrorDetail(text, "max_value")]})
        return attrs


class BacklogView(serializers.Serializer[Any]):
    waiting = serializers.IntegerField(help_text="Accepted, not started.")
    running = serializers.IntegerField(help_text="Executions under way.")
    dead = serializers.IntegerField(help_text="Dead letters.")


class PipeShape(StrictSerializer):
    slug = Slug(required=False, help_text="As in the address.")
    title = Text(required=False, allow_blank=True, max_length=200)
    description = Text(required=False, allow_blank=True, max_length=4000)
    target = Slug(help_text="Slug of the STANDARD composition that each intent starts.")
    enrichment = Slug(required=False, allow_null=True, help_text="Slug of an EXPRESS composition that makes the input.")
    filter = _Judged(pattern_problems, required=False, allow_null=True, help_text="EventBridge pattern of the body.")
    schema = _Judged(schema_problems, required=False, allow_null=True, help_text="JSON Schema (2020-12) of the body.")
    order_by = Checked(
        order_path,
        required=False,
        allow_null=True,
        max_length=500,
        help_text="JSONPath into the body; intents with an equal value run one after the other. Default null.",
    )
    max_in_flight = WholeNumber(required=False, min_value=1, max_value=10_000, help_text="Default 32.")
    max_backlog = WholeNumber(required=False, min_value=1, max_value=100_000_000, help_text="Default 100000.")
    max_attempts = WholeNumber(required=False, min_value=1, max_value=1000, help_text="Default 10.")
    max_age_s = Number(required=False, allow_null=True, min_value=1, max_value=31_536_000, help_text="Default null.")
    drain = DrainShape(required=False)
    when_open = serializers.ChoiceField(WhenOpen.choices, required=False, help_text="Default hold.")
    journey = Slug(required=False, allow_null=True, help_text="Default: the pipe's own slug.")
    idempotency_key = serializers.ChoiceField(KeyPolicy.choices, required=False, help_text="Default optional.")
    keep_headers = serializers.ListField(child=KeptHeader(), required=False, max_length=MOST_HEADERS)
    tell = serializers.ChoiceField(Tell.choices, required=False, help_text="Default status.")
    retention_days = WholeNumber(required=False, min_value=1, max_value=3650, help_text="Default 30.")
    desired_state = serializers.ChoiceField(RunState.choices, read_only=True, help_text="See start and stop.")
    current_state = serializers.ChoiceField(RunState.choices, read_only=True)
    stopped_by = serializers.CharField(read_only=True, allow_null=True, help_text="circuit or operator, or null.")
    reason = serializers.CharField(read_only=True, allow_null=True, help_text="Why it is in its state.")
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    targets = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Targets that it cannot do without."
    )
    backlog = BacklogView(read_only=True)
    oldest_age_s = serializers.FloatField(read_only=True, allow_null=True)
    eta_s = serializers.FloatField(read_only=True, allow_null=True, help_text="Until nothing waits; null: not known.")

    def get_fields(self) -> dict[str, Any]:
        # `source` means something else as an attribute.
        source = SourceShape(required=False, help_text='Default {"type": "database"}.')
        return {**super().get_fields(), "source": source}

    def validate_keep_headers(self, names: list[str]) -> list[str]:
        return once(names, "header")


def complete(slug: str, stated: Document) -> Document:
    """The whole document of what was stated."""
    drain, source = stated.get("drain") or {}, stated.get("source") or {}
    whole: Document = {"slug": slug, "target": stated["target"]}
    whole |= {name: stated.get(name, default) for name, default in PLAIN.items()}
    whole["source"] = {"type": source.get("type", "database"), "queue_url": source.get("queue_url") or None}
    whole["drain"] = {name: figure(drain.get(name, default)) for name, default in DRAIN.items()}
    whole["journey"] = stated.get("journey") or slug
    for name in ("enrichment", "order_by"):
        whole[name] = whole[name] or None
    whole["max_age_s"] = figure(whole["max_age_s"])
    return whole


def document(pipe: Pipe) -> Document:
    """What an operator has configured, and whether it is meant to run."""
    stated = {
        **{name: getattr(pipe, name) for name in PLAIN if name not in ("filter", "schema")},
        "target": pipe.target,
        "keep_headers": list(pipe.keep_headers or []),
        "filter": json.loads(pipe.filter) if pipe.filter else None,
        "schema": json.loads(pipe.schema) if pipe.schema else None,
        "source": {"type": pipe.source_type, "queue_url": pipe.queue_url},
        "drain": {name: getattr(pipe, name) for name in DRAIN},
        "journey": pipe.journey,
    }
    return complete(pipe.slug, stated) | {"desired_state": pipe.desired_state}


def write(row: Pipe, stated: Document) -> None:
    """Put what was stated into the row's columns."""
    whole = complete(row.slug, stated)
    for name in PLAIN:
        value = whole[name]
        if name in ("filter", "schema"):
            value = "" if value is None else json.dumps(value, ensure_ascii=False)
        elif name in ("enrichment", "order_by"):
            value = value or ""
        setattr(row, name, value)
    row.target = whole["target"]
    row.source_type, row.queue_url = whole["source"]["type"], whole["source"]["queue_url"] or ""
    for name in DRAIN:
        setattr(row, name, whole["drain"][name])
    row.journey = "" if whole["journey"] == row.slug else whole["journey"]
