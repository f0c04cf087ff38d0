"""Actions: what is to hold at AWS while a circuit or journey is open, and while it is closed."""

from django.core.validators import RegexValidator
from django.db import models

from .fields import SlugField, WordsField


class ActionKind(models.TextChoices):
    PIPE = "pipe", "pipe: an EventBridge Pipe is stopped and started"
    PARAMETER = "parameter", "parameter: an SSM parameter has one text or another"
    EVENT = "event", "event: an event is put on an EventBridge bus at each turn"


class Action(models.Model):
    """Held by level: whoever changes the pipe or the parameter meanwhile, it is put right."""

    slug = SlugField(unique=True, help_text="Name in addresses and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    enabled = models.BooleanField(
        default=True, help_text="A disabled action holds nothing and leaves things as they are."
    )
    subjects = WordsField(
        help_text="What it follows: circuit:SLUG, journey:SLUG or pipe:SLUG, separated by commas. Open while any is."
    )
    kind = models.CharField(max_length=20, choices=ActionKind.choices, help_text="What it holds.")
    name = models.CharField(max_length=1024, help_text="Name of the pipe or parameter; name or ARN of the event bus.")
    when_open = models.TextField(
        blank=True,
        help_text="While open: STOPPED or RUNNING, a parameter's text, an event's detail type. Empty: left as it is.",
    )
    when_closed = models.TextField(blank=True, help_text="The same while closed.")
    account = models.CharField(
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^\d{12}$", "An account has 12 digits.")],
        help_text="Account that it is in, entered by a role of AWS_ROLES. Empty: the one of the processes.",
    )
    region = models.CharField(
        max_length=30,
        blank=True,
        validators=[RegexValidator(r"^[a-z]{2}(-[a-z]+)+-\d$", "Write a region such as eu-central-1.")],
        help_text="Region that it is in. Empty: AWS_REGION.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


def following(subject: str) -> list[Action]:
    """Actions that follow "circuit:payment"."""
    return [action for action in Action.objects.filter(subjects__contains=subject) if subject in action.subjects]
