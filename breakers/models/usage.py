"""What was used: the ledger that quotas are drawn from, and counts over time."""

from django.db import models

from .consumers import Consumer
from .plans import UsagePlan


class QuotaLedger(models.Model):
    """One consumer's quota in one period of one plan. `drawn` runs ahead of use by what front doors hold."""

    consumer = models.ForeignKey(Consumer, models.CASCADE, related_name="ledgers", help_text="Whose quota it is.")
    plan = models.ForeignKey(UsagePlan, models.CASCADE, related_name="ledgers", help_text="The plan that grants it.")
    period_start = models.DateTimeField(help_text="When the period began.")
    period_end = models.DateTimeField(help_text="When it ends and the quota begins anew.")
    generation = models.PositiveIntegerField(default=0, help_text="Counts resets; what was drawn before one is void.")
    drawn = models.PositiveBigIntegerField(default=0, help_text="Requests drawn by front doors in this generation.")
    extra = models.BigIntegerField(default=0, help_text="Requests granted on top of the plan's limit in this period.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it last changed.")

    class Meta:
        ordering = ["-period_start", "pk"]
        constraints = [models.UniqueConstraint(fields=["consumer", "plan", "period_start"], name="ledger_once")]

    def __str__(self) -> str:
        return f"{self.consumer} in {self.plan} from {self.period_start:%Y-%m-%d}"


class Span(models.TextChoices):
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class UsageCount(models.Model):
    """Requests of one consumer in one plan over one span of time, by outcome. Kept by slug, so it outlives both."""

    span = models.CharField(max_length=6, choices=Span.choices, help_text="Length of time that it covers.")
    at = models.DateTimeField(help_text="When that time began.")
    consumer = models.CharField(max_length=63, blank=True, help_text="Slug of the consumer. Empty: nobody.")
    plan = models.CharField(max_length=63, blank=True, help_text="Slug of the plan. Empty: none.")
    outcome = models.CharField(max_length=63, help_text="`admitted`, or the reason of the refusal.")
    count = models.PositiveBigIntegerField(default=0, help_text="Requests.")
    peak_per_s = models.PositiveIntegerField(default=0, help_text="Most of them within one second.")

    class Meta:
        ordering = ["-at", "pk"]
        constraints = [models.UniqueConstraint(fields=["span", "at", "consumer", "plan", "outcome"], name="usage_once")]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} of {self.consumer or 'nobody'} in the {self.span} from {self.at:%H:%M}"


class RuleCount(models.Model):
    """Requests that one rule matched over one span of time, by what was done."""

    span = models.CharField(max_length=6, choices=Span.choices, help_text="Length of time that it covers.")
    at = models.DateTimeField(help_text="When that time began.")
    rule = models.CharField(max_length=63, help_text="Slug of the rule.")
    outcome = models.CharField(max_length=20, help_text="What was done: counted, allowed, challenged, passed, blocked.")
    count = models.PositiveBigIntegerField(default=0, help_text="Requests.")

    class Meta:
        ordering = ["-at", "pk"]
        constraints = [models.UniqueConstraint(fields=["span", "at", "rule", "outcome"], name="rule_count_once")]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} by {self.rule} in the {self.span} from {self.at:%H:%M}"
