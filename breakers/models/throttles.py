"""Throttles: limits on all requests together, whoever sends them."""

from django.db import models

from .fields import SlugField
from .stages import LimitOnStoreError, Stage
from .targets import between


class ThrottleScope(models.TextChoices):
    ACCOUNT = "account", "account: everything that enters the front door"
    STAGE = "stage", "stage: everything that enters one stage"
    ROUTE = "route", "route: one route"
    METHOD = "method", "method: one HTTP method"


class Throttle(models.Model):
    """One bucket, shared by every request that it covers. At the level of a stage the most specific one counts."""

    slug = SlugField(unique=True, help_text="Name in refusals and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages and in refusals. Empty: the slug.")
    scope = models.CharField(max_length=10, choices=ThrottleScope.choices, help_text="What it covers.")
    stage = models.ForeignKey(
        Stage,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="throttles",
        help_text="Only in this stage. Empty: in every stage.",
    )
    route = models.CharField(max_length=63, blank=True, help_text="Slug of the route. Empty: any route.")
    method = models.CharField(max_length=10, blank=True, help_text="HTTP method in capitals. Empty: any method.")
    rate = models.FloatField(
        "rate (requests/s)",
        validators=between(0.001, 1_000_000),
        help_text="Requests per second over all consumers and front doors, in the long run.",
    )
    burst = models.PositiveIntegerField(
        "burst (requests)",
        null=True,
        blank=True,
        validators=between(1, 1_000_000),
        help_text="Requests that may come at once. Empty: one second of the rate.",
    )
    on_store_error = models.CharField(
        "when the store is away",
        max_length=10,
        choices=LimitOnStoreError.choices,
        default=LimitOnStoreError.LOCAL,
        help_text="What it does while Valkey does not answer.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["scope", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["scope", "stage", "route", "method"], name="throttle_once"),
            models.UniqueConstraint(
                fields=["scope", "route", "method"],
                condition=models.Q(stage=None),
                name="throttle_once_everywhere",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.slug
