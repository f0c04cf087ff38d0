"""A target's breaker and the policies that open it, in resilience4j's words. Empty columns follow the defaults."""

from django.db import models

from .targets import Target, between


class Mode(models.TextChoices):
    ENFORCE = "enforce", "enforce: an open circuit stops calls"
    OBSERVE = "observe", "observe: count and conclude, refuse nothing"


class HalfOpenBy(models.TextChoices):
    PROBE = "probe", "probe: calls of our own"
    TRAFFIC = "traffic", "traffic: a few users' calls"


class PolicyType(models.TextChoices):
    CONSECUTIVE_FAILURES = "consecutive_failures", "failures in a row"
    FAILURE_RATE = "failure_rate", "share of failed calls"
    SLOW_CALL_RATE = "slow_call_rate", "share of slow calls"


class WindowType(models.TextChoices):
    TIME_BASED = "TIME_BASED", "the last seconds"
    COUNT_BASED = "COUNT_BASED", "the last calls"


class Breaker(models.Model):
    """How long an open circuit waits, and what closes it again."""

    target = models.OneToOneField(Target, models.CASCADE, related_name="breaker", help_text="The target it protects.")
    mode = models.CharField(
        max_length=10,
        choices=Mode.choices,
        default=Mode.ENFORCE,
        help_text="`observe` shows METRICS_ONLY: try settings out on real traffic before they bind.",
    )
    wait_duration_in_open_state_s = models.FloatField(
        "wait while open (s)",
        default=30,
        validators=between(0.1, 86_400),
        help_text="An open circuit lets no call through for so long; then recovery is tried.",
    )
    wait_backoff_multiplier = models.FloatField(
        "wait multiplier",
        default=1.0,
        validators=between(1, 10),
        help_text="Each failed recovery makes the next wait so many times longer. 1: always the same wait.",
    )
    max_wait_duration_in_open_state_s = models.FloatField(
        "longest wait (s)",
        null=True,
        blank=True,
        validators=between(0.1, 604_800),
        help_text="No wait grows beyond this. Empty: 600, or the wait itself if that is longer.",
    )
    permitted_number_of_calls_in_half_open_state = models.PositiveIntegerField(
        "trial calls while half open",
        null=True,
        blank=True,
        validators=between(1, 1000),
        help_text="Calls let through to try recovery, over all processes. Empty: 3, or what probe and threshold need.",
    )
    success_threshold = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=between(1, 1000),
        help_text="Successes that close the circuit. Empty: all trial calls.",
    )
    max_wait_duration_in_half_open_state_s = models.FloatField(
        "verdict within (s)",
        null=True,
        blank=True,
        validators=between(0.1, 86_400),
        help_text="Half open for so long without verdict counts as failed. Empty: 30, or what a probe round may take.",
    )
    half_open_by = models.CharField(
        max_length=10,
        choices=HalfOpenBy.choices,
        blank=True,
        help_text="Who tries the recovery. Empty: the probe if there is one, else users' traffic.",
    )

    class Meta:
        ordering = ["target"]

    def __str__(self) -> str:
        return f"breaker of {self.target}"


class BreakerPolicy(models.Model):
    """One reason to open; the columns that its type does not know stay empty."""

    target = models.ForeignKey(
        Target, models.CASCADE, related_name="policies", help_text="The target whose breaker it opens."
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in which policies are asked.")
    type = models.CharField(
        max_length=30, choices=PolicyType.choices, help_text="What is counted. Any one policy opens the circuit."
    )
    threshold = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=between(1, 10_000),
        help_text="Failures in a row that open the circuit (only for that type). Empty: 5.",
    )
    failure_rate_threshold = models.FloatField(
        "failure rate (%)",
        null=True,
        blank=True,
        validators=between(0.01, 100),
        help_text="Share of failed calls that opens the circuit (only for that type). Empty: 50.",
    )
    slow_call_duration_threshold_ms = models.PositiveIntegerField(
        "slow from (ms)",
        null=True,
        blank=True,
        validators=between(1, 600_000),
        help_text="A call that takes so long is slow; at most the timeout. Empty: 500, or a shorter timeout.",
    )
    slow_call_rate_threshold = models.FloatField(
        "slow call rate (%)",
        null=True,
        blank=True,
        validators=between(0.01, 100),
        help_text="Share of slow calls that opens the circuit (only for that type). Empty: 50.",
    )
    minimum_number_of_calls = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=between(1, 1_000_000),
        help_text="No verdict on fewer calls in the window. Empty: 20, or a window of fewer calls when full.",
    )
    sliding_window_type = models.CharField(
        "window of",
        max_length=12,
        choices=WindowType.choices,
        blank=True,
        help_text="Whether the window holds seconds or calls. Empty: seconds.",
    )
    sliding_window_size = models.PositiveIntegerField(
        "window size",
        null=True,
        blank=True,
        validators=between(1, 3600),
        help_text="Seconds or calls in the window. Empty: 30, or more when the minimum number of calls asks for it.",
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "breaker policies"

    def __str__(self) -> str:
        return self.get_type_display()


class ClassificationRule(models.Model):
    """What an answer or error counts as; the first rule that matches wins, then the defaults."""

    target = models.ForeignKey(
        Target, models.CASCADE, related_name="classification", help_text="The target whose answers it judges."
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in which rules are asked.")
    match = models.CharField(
        max_length=200,
        help_text="Statuses (404), classes (5xx), ranges (500-599) or errors (timeout, connect_error), joined by |.",
    )
    outcome = models.CharField(
        max_length=10,
        choices=[
            ("success", "success"),
            ("failure", "failure: moves towards open"),
            ("ignore", "ignore: says nothing about health"),
            ("throttle", "throttle: the provider slows us down"),
        ],
        help_text="What such an answer counts as. By default 5xx and errors fail, 429 throttles, the rest succeeds.",
    )

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.match} is {self.outcome}"
