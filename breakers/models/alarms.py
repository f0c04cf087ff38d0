"""Sources of alarms, and the record of every message that proved where it came from."""

from django.db import models

from .fields import SlugField
from .targets import between


class AlarmScheme(models.TextChoices):
    SNS = "sns", "sns: messages of one topic, signed by SNS"
    HMAC = "hmac", "hmac: posts signed with a secret that is shared"
    API_KEY = "api_key", "api_key: the secret itself in X-Api-Key, as EventBridge API destinations send it"


class AlarmSource(models.Model):
    """Who may say that something fails, how that is proved, and which circuits it opens."""

    slug = SlugField(unique=True, help_text="Name in the address that alarms are posted to. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    enabled = models.BooleanField(default=True, help_text="Messages of a disabled source are refused.")
    scheme = models.CharField(max_length=10, choices=AlarmScheme.choices, help_text="How a message proves its origin.")
    topic_arn = models.CharField(
        "topic ARN", max_length=320, blank=True, help_text="sns: the topic whose messages are believed."
    )
    certificate = models.TextField(
        blank=True,
        help_text="sns: certificate (PEM) to believe in place of those of SNS, for a service that is compatible.",
    )
    alarms = models.JSONField(default=list, help_text="Alarm names and the targets whose circuits they open.")
    max_age_s = models.PositiveIntegerField(
        "oldest (s)",
        default=900,
        validators=between(1, 86_400),
        help_text="An alarm that changed longer ago opens nothing. hmac: how old a timestamp may be, up to 300.",
    )
    secret = models.TextField(blank=True, editable=False, help_text="The shared secret, sealed.")
    previous_secret = models.TextField(blank=True, editable=False, help_text="The one before, sealed.")
    previous_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until when the one before is accepted."
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class AlarmMessage(models.Model):
    """A message that proved its origin, written down before anything is done about it. Kept by slug."""

    source = SlugField(help_text="Slug of the source.")
    message = models.CharField(max_length=64, help_text="What tells this message from any other of the source.")
    at = models.DateTimeField(help_text="When it came in.")
    alarm = models.CharField(max_length=300, blank=True, help_text="Name of the alarm.")
    state = models.CharField(max_length=30, blank=True, help_text="State that the alarm went into.")
    target = models.CharField(max_length=63, blank=True, help_text="Slug of the target that it is mapped to.")
    outcome = models.CharField(max_length=20, help_text="What came of it.")
    detail = models.CharField(max_length=500, blank=True, help_text="The reason that it gave, or why nothing was done.")

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["source", "message"], name="alarm_message_once")]

    def __str__(self) -> str:
        return f"{self.source}: {self.alarm or 'message'} {self.state} {self.outcome}"


def opening(target: str) -> list[AlarmSource]:
    """Sources that open the circuit of `target`."""
    rows = AlarmSource.objects.all()
    return [source for source in rows if any(rule["target"] == target for rule in source.alarms)]
