"""Pipes: from accepted intents to executions of a workflow, and which process runs each of them."""

from django.db import models

from breakers.models.fields import SlugField, WordsField
from breakers.models.targets import between

from .executions import WhenOpen


class RunState(models.TextChoices):
    RUNNING = "RUNNING", "RUNNING: intents are started"
    STOPPED = "STOPPED", "STOPPED: intents wait"


class StoppedBy(models.TextChoices):
    NOBODY = "", "nobody"
    CIRCUIT = "circuit", "circuit: a required target is open"
    OPERATOR = "operator", "operator: somebody said so"


class SourceType(models.TextChoices):
    DATABASE = "database", "database: what routes accept"
    SQS = "sqs", "sqs: messages of a queue as well"


class KeyPolicy(models.TextChoices):
    OPTIONAL = "optional", "optional: honoured when it is sent"
    REQUIRED = "required", "required: an intent without one is refused"


class Tell(models.TextChoices):
    STATUS = "status", "status: how it ended"
    OUTPUT = "output", "output: how it ended, and the workflow's output, redacted"


class Pipe(models.Model):
    """Source, filter, enrichment and target of one kind of intent. A pipe is also a journey."""

    slug = SlugField(unique=True, help_text="Name in addresses and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    description = models.TextField(max_length=4000, blank=True, help_text="What customers ask for by it.")
    target = SlugField(help_text="Slug of the STANDARD composition that each intent starts.")
    enrichment = SlugField(
        blank=True, help_text="Slug of an EXPRESS composition that makes the input of the body. Empty: the body itself."
    )
    filter = models.TextField(
        blank=True, help_text="EventBridge pattern: an intent that does not match ends at once. Empty: every intent."
    )
    schema = models.TextField(
        "JSON Schema", blank=True, help_text="What a body must look like to be accepted. Empty: any JSON."
    )
    source_type = models.CharField(
        "source",
        max_length=10,
        choices=SourceType.choices,
        default=SourceType.DATABASE,
        help_text="Where intents come from, beside the routes that lead here.",
    )
    queue_url = models.CharField("queue URL", max_length=500, blank=True, help_text="sqs: the queue's URL.")
    order_by = models.CharField(
        max_length=500,
        blank=True,
        help_text="JSONPath into the body: intents with an equal value run one after the other, in the order in which "
        "they were accepted. Empty: all run side by side.",
    )
    max_in_flight = models.PositiveIntegerField(
        default=32, validators=between(1, 10_000), help_text="Executions of this pipe under way at once."
    )
    max_backlog = models.PositiveIntegerField(
        default=100_000,
        validators=between(1, 100_000_000),
        help_text="Beyond so many waiting intents no more are accepted: 503 with Retry-After.",
    )
    max_attempts = models.PositiveIntegerField(
        default=10,
        validators=between(1, 1000),
        help_text="An intent that an infrastructure error has stopped so often becomes a dead letter.",
    )
    max_age_s = models.FloatField(
        "longest wait (s)",
        null=True,
        blank=True,
        validators=between(1, 31_536_000),
        help_text="An intent that has waited longer becomes a dead letter, unless it has started. Empty: it waits on.",
    )
    when_open = models.CharField(
        max_length=10,
        choices=WhenOpen.choices,
        default=WhenOpen.HOLD,
        help_text="What becomes of a step whose circuit is open.",
    )
    start_per_s = models.FloatField(
        "drain begins at (1/s)",
        default=1,
        validators=between(0.001, 100_000),
        help_text="Intents started a second when the pipe has just been started again.",
    )
    ramp_s = models.FloatField(
        "ramp (s)",
        default=60,
        validators=between(0, 86_400),
        help_text="So long the rate takes from its beginning to its most.",
    )
    max_per_s = models.FloatField(
        "at most (1/s)",
        null=True,
        blank=True,
        validators=between(0.001, 100_000),
        help_text="Never more intents started a second. Empty: as many as the contracts of its targets allow.",
    )
    journey = SlugField(blank=True, help_text="Journey whose delay flag speaks for it. Empty: the pipe's own slug.")
    idempotency_key = models.CharField(
        max_length=10, choices=KeyPolicy.choices, default=KeyPolicy.OPTIONAL, help_text="The Idempotency-Key header."
    )
    keep_headers = WordsField(
        blank=True, default=list, help_text="Request headers kept beside the body, for the workflow's context object."
    )
    tell = models.CharField(
        max_length=10,
        choices=Tell.choices,
        default=Tell.STATUS,
        help_text="What whoever knows the intent's id is told of its end.",
    )
    retention_days = models.PositiveIntegerField(
        default=30,
        validators=between(1, 3650),
        help_text="So long the body is kept after the end; then only id, status and the hash of its key remain.",
    )
    desired_state = models.CharField(
        max_length=10, choices=RunState.choices, default=RunState.RUNNING, help_text="What an operator wants."
    )
    desired_reason = models.CharField(max_length=500, blank=True, help_text="Why, in the operator's words.")
    desired_by = models.CharField(max_length=200, blank=True, help_text="Who said so.")
    desired_at = models.DateTimeField(null=True, blank=True, help_text="When it was said.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class PipeLease(models.Model):
    """The one process that starts a pipe's intents, until when, and the state in which it last found the pipe."""

    pipe = SlugField(primary_key=True, help_text="Slug of the pipe.")
    owner = models.CharField(max_length=100, blank=True, help_text="Process that holds the lease.")
    until = models.DateTimeField(help_text="The lease lapses then, unless it is renewed.")
    state = models.CharField(
        max_length=10, choices=RunState.choices, default=RunState.RUNNING, help_text="The state it was found in."
    )
    stopped_by = models.CharField(
        max_length=10, blank=True, choices=StoppedBy.choices, help_text="Who stopped it, while it is stopped."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is in this state.")
    since = models.DateTimeField(null=True, help_text="Since when; empty while it has never moved.")

    class Meta:
        ordering = ["pipe"]

    def __str__(self) -> str:
        return f"{self.pipe}: {self.owner or 'nobody'}"
