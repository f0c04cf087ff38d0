"""Usage plans: how often a consumer may call, in what time, and where."""

from django.db import models

from .fields import SlugField
from .stages import LimitOnStoreError, Stage
from .targets import between


class PlanMode(models.TextChoices):
    ENFORCE = "enforce", "enforce: refuse what is above the limits"
    COUNT = "count", "count: let everything pass and record what would have been refused"


class QuotaPeriod(models.TextChoices):
    DAY = "DAY", "day"
    WEEK = "WEEK", "week (from Monday)"
    MONTH = "MONTH", "month"


class UsagePlan(models.Model):
    """Limits of each consumer that has a key in the plan; all keys of one consumer share them."""

    slug = SlugField(unique=True, help_text="Name in keys, answers and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages and in refusals. Empty: the slug.")
    description = models.TextField(max_length=4000, blank=True, help_text="Whom the plan is for, and what it costs.")
    stages = models.ManyToManyField(
        Stage, blank=True, related_name="plans", help_text="Entrances that a key of this plan opens."
    )
    rate = models.FloatField(
        "rate (requests/s)",
        null=True,
        blank=True,
        validators=between(0.001, 1_000_000),
        help_text="Requests per second of one consumer, in the long run. Empty: unlimited.",
    )
    burst = models.PositiveIntegerField(
        "burst (requests)",
        null=True,
        blank=True,
        validators=between(1, 1_000_000),
        help_text="Requests that may come at once on top of a steady rate. Empty: one second of the rate.",
    )
    quota_limit = models.PositiveBigIntegerField(
        "quota (requests)",
        null=True,
        blank=True,
        validators=between(1, 10**15),
        help_text="Requests of one consumer in each period. Empty: unlimited.",
    )
    quota_period = models.CharField(
        "quota period",
        max_length=10,
        choices=QuotaPeriod.choices,
        default=QuotaPeriod.MONTH,
        help_text="Calendar period after which the quota begins anew.",
    )
    quota_time_zone = models.CharField(
        "quota time zone",
        max_length=64,
        default="UTC",
        help_text="Time zone in which periods begin at midnight, such as Europe/Vienna.",
    )
    quota_offset_h = models.PositiveSmallIntegerField(
        "period starts later by (h)",
        default=0,
        validators=between(0, 671),
        help_text="Hours after the calendar's begin: 6 starts days at 06:00; 48 starts weeks on Wednesday.",
    )
    mode = models.CharField(
        max_length=10,
        choices=PlanMode.choices,
        default=PlanMode.ENFORCE,
        help_text="Begin with `count` to see what limits would do before they refuse anybody.",
    )
    on_store_error = models.CharField(
        "when the store is away",
        max_length=10,
        choices=LimitOnStoreError.choices,
        default=LimitOnStoreError.LOCAL,
        help_text="`open` voids the limits, `closed` stops the consumers, `local` gives each front door its share.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class PlanOverride(models.Model):
    """Limits that replace the plan's own on one route, one method, or one method of one route."""

    plan = models.ForeignKey(UsagePlan, models.CASCADE, related_name="overrides", help_text="The plan.")
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in which overrides are shown.")
    route = models.CharField(max_length=63, blank=True, help_text="Slug of the route. Empty: any route.")
    method = models.CharField(max_length=10, blank=True, help_text="HTTP method in capitals. Empty: any method.")
    rate = models.FloatField(
        "rate (requests/s)",
        validators=between(0.001, 1_000_000),
        help_text="Requests per second of one consumer here, instead of the plan's rate.",
    )
    burst = models.PositiveIntegerField(
        "burst (requests)",
        null=True,
        blank=True,
        validators=between(1, 1_000_000),
        help_text="Requests that may come at once. Empty: one second of the rate.",
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["plan", "route", "method"], name="plan_override_once")]

    def __str__(self) -> str:
        return f"{self.plan}: {self.method or 'any method'} of {self.route or 'any route'}"
