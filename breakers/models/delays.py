"""Journeys: what customers are doing, the targets it needs, and an operator's word on its delay."""

from django.db import models

from .fields import SlugField
from .targets import Target, between


class Severity(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class ClearOn(models.TextChoices):
    CLOSE = "close", "close: as soon as the circuits have closed"
    DRAINED = "drained", "drained: when what waited has been worked off as well"


class Journey(models.Model):
    """Something a customer does (subscribing, searching); delayed while a circuit of one of its targets is open."""

    slug = SlugField(unique=True, help_text="Name in the address that front ends poll. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on the board. Empty: the slug.")
    severity = models.CharField(
        max_length=10,
        choices=Severity.choices,
        default=Severity.WARNING,
        help_text="How loudly front ends should say so while it is delayed.",
    )
    targets = models.ManyToManyField(
        Target,
        through="JourneyTarget",
        related_name="journeys",
        help_text="Targets that it cannot do without, in order.",
    )
    raise_at_age_s = models.FloatField(
        "raise when one waits (s)",
        null=True,
        blank=True,
        validators=between(1, 31_536_000),
        help_text="The flag goes up when the oldest intent of its pipes waits so long. Empty: never for that.",
    )
    raise_at_backlog = models.PositiveIntegerField(
        "raise when so many wait",
        null=True,
        blank=True,
        validators=between(1, 100_000_000),
        help_text="The flag goes up when so many intents of its pipes wait. Empty: never for that.",
    )
    clear_on = models.CharField(
        "comes down on",
        max_length=10,
        choices=ClearOn.choices,
        default=ClearOn.CLOSE,
        help_text="When the flag comes down after an outage.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was registered.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class JourneyTarget(models.Model):
    """A target that a journey needs; a target cannot be deleted while it is named here."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="steps", help_text="The journey.")
    target = models.ForeignKey(
        Target, models.PROTECT, related_name="steps", help_text="While its circuit is open, the journey is delayed."
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in which targets are shown.")

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["journey", "target"], name="journey_target_once")]

    def __str__(self) -> str:
        return f"{self.journey} needs {self.target}"


class JourneyMessage(models.Model):
    """What customers read while a journey is delayed, in one language."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="messages", help_text="The journey.")
    language = models.CharField(max_length=35, help_text="Language tag, such as en or de-AT.")
    text = models.CharField(
        max_length=500, help_text="Say that the request was received and that retrying does not help."
    )

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["journey", "language"], name="journey_language_once")]

    def __str__(self) -> str:
        return f"{self.journey} ({self.language})"


class JourneyDelay(models.Model):
    """An operator's word on a journey; it outranks what its circuits say until it is cleared or has expired."""

    journey = models.OneToOneField(
        Journey, models.CASCADE, related_name="delay", help_text="The journey it speaks for."
    )
    delayed = models.BooleanField(default=True, help_text="Whether customers are told of a delay.")
    message = models.CharField(
        max_length=500, blank=True, help_text="What customers read. Empty: the journey's message."
    )
    severity = models.CharField(
        max_length=10, choices=Severity.choices, help_text="How loudly front ends should say so."
    )
    reason = models.CharField(
        max_length=500, help_text="Why, in the operator's words; kept in the audit, not shown to customers."
    )
    by = models.CharField(max_length=200, help_text="Who said so.")
    since = models.DateTimeField(help_text="Since when.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the journey returns to automatic by itself. Empty: until it is cleared."
    )

    class Meta:
        ordering = ["journey"]

    def __str__(self) -> str:
        return f"{self.journey}: {'delayed' if self.delayed else 'not delayed'}"


class DelayPeriod(models.Model):
    """A time during which a journey's flag was up. Kept by slug, so that it outlives its journey."""

    journey = SlugField(help_text="Slug of the journey.")
    since = models.DateTimeField(help_text="Since when customers had to wait.")
    until = models.DateTimeField(null=True, blank=True, help_text="When the flag came down. Empty: it is up.")
    cause = models.CharField(max_length=20, help_text="What raised it.")
    detail = models.CharField(max_length=500, blank=True, help_text="Which circuits, or whose word, in words.")

    class Meta:
        ordering = ["-since", "-pk"]
        indexes = [models.Index(fields=["journey", "-since"], name="delayperiod_journey_since")]
        constraints = [
            models.UniqueConstraint(
                fields=["journey"], condition=models.Q(until__isnull=True), name="delayperiod_one_is_up"
            )
        ]

    def __str__(self) -> str:
        return f"{self.journey} delayed since {self.since:%Y-%m-%d %H:%M}"
