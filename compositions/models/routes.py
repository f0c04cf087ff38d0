"""Routes of the front door: which requests go where."""

from django.db import models

from breakers.models import Target
from breakers.models.fields import SlugField, WordsField
from breakers.models.targets import between


class Integration(models.TextChoices):
    TARGET = "target", "target: pass the request through to a downstream"


class Route(models.Model):
    """Requests with one of `methods` and a path of this shape go to the integration."""

    slug = SlugField(unique=True, help_text="Name in logs and metrics. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: methods and path.")
    methods = WordsField(default=list, help_text="HTTP methods in capitals, separated by commas.")
    path = models.CharField(
        max_length=500, help_text="OpenAPI path template: /articles/{id}. {rest+} at the end takes the remainder."
    )
    priority = models.PositiveIntegerField(
        default=100,
        validators=between(0, 1_000_000),
        help_text="Of two routes that fit a request the lower number is taken; at equal ones the more specific path.",
    )
    enabled = models.BooleanField(default=True, help_text="A disabled route matches nothing.")
    integration_type = models.CharField(
        "goes to",
        max_length=20,
        choices=Integration.choices,
        default=Integration.TARGET,
        help_text="What answers the request.",
    )
    target = models.ForeignKey(
        Target,
        models.PROTECT,
        related_name="routes",
        help_text="Downstream that the request is passed to, through its breaker.",
    )
    integration_path = models.CharField(
        "path at the target",
        max_length=500,
        blank=True,
        help_text="Path below the base URL; it may use parameters of the route's path. Empty: the request's own path.",
    )
    cache_ttl_s = models.FloatField(
        "cache for (s)",
        default=0,
        validators=between(0, 31_536_000),
        help_text="0: a route keeps no answers yet; its target's cache does.",
    )
    cache_vary_headers = WordsField(
        "vary by headers", blank=True, default=list, help_text="Request headers that make a different answer."
    )
    cache_vary_query = WordsField(
        "vary by query",
        blank=True,
        null=True,
        default=None,
        help_text="Query parameters that make a different answer. Empty: all of them.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["priority", "slug"]

    def __str__(self) -> str:
        return self.title or f"{' '.join(self.methods)} {self.path}"
