"""Probes: the calls of our own that find out whether a target has recovered, and the record of their results."""

from django.db import models

from .fields import SlugField
from .targets import Target, between


class ProbeMethod(models.TextChoices):
    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    POST = "POST"


class Probe(models.Model):
    """The request to send, what its answer must be, and how often."""

    target = models.OneToOneField(Target, models.CASCADE, related_name="probe", help_text="The target it tries.")
    method = models.CharField(
        max_length=10,
        choices=ProbeMethod.choices,
        default=ProbeMethod.GET,
        help_text="A probe must change nothing at the downstream; POST only where that is certain.",
    )
    path = models.CharField(
        max_length=500, default="/health", help_text="Path, and query if need be, below the base URL."
    )
    expect_status = models.CharField(
        max_length=100,
        default="200-299",
        help_text="Statuses that pass: 200, 2xx, 200-299, or several joined by commas.",
    )
    expect_body_contains = models.CharField(
        max_length=500, blank=True, help_text="Text that the answer must contain. Empty: any body passes."
    )
    timeout_ms = models.PositiveIntegerField(
        "timeout (ms)",
        null=True,
        blank=True,
        validators=between(1, 60_000),
        help_text="A probe without complete answer by then has failed. Empty: 1000, or less for a shorter round.",
    )
    interval_s = models.FloatField(
        "interval (s)",
        default=10,
        validators=between(0.1, 86_400),
        help_text="A round begins at most so long after the wait of an open circuit is over.",
    )
    count = models.PositiveIntegerField(
        "calls in a round",
        null=True,
        blank=True,
        validators=between(1, 1000),
        help_text="All calls of a round must pass to close the circuit. Empty: as many as trial calls are permitted.",
    )

    class Meta:
        ordering = ["target"]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class ProbeRun(models.Model):
    """What one probe round, or one probe by hand, came to. Kept by slug, so that it outlives its target."""

    target = SlugField(help_text="Slug of the target that was tried.")
    at = models.DateTimeField(help_text="When the round began.")
    passed = models.BooleanField(help_text="Whether every call passed.")
    status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="HTTP status of the last call, if it had one."
    )
    latency_ms = models.FloatField(null=True, blank=True, help_text="How long the last call took.")
    detail = models.CharField(max_length=500, blank=True, help_text="What was wrong, in words.")
    calls = models.JSONField(default=list, help_text="Each call of the round.")
    trigger = models.CharField(max_length=200, default="beat", help_text='"beat", or "operator:" and a name.')

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["target", "-at"], name="proberun_target_at")]

    def __str__(self) -> str:
        return f"{self.target} {'passed' if self.passed else 'failed'}"
