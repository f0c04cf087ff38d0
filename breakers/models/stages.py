"""Stages: named entrances to the front door, each with its own hosts, base path, limits and origins."""

from django.db import models

from .addresses import networks
from .fields import SlugField, WordsField
from .targets import between


class LimitOnStoreError(models.TextChoices):
    OPEN = "open", "open: let requests pass uncounted"
    CLOSED = "closed", "closed: refuse with 503 until the store is back"
    LOCAL = "local", "local: each front door enforces its share"


class Stage(models.Model):
    """Which requests enter here, and what holds for all of them. `main` exists from the start."""

    slug = SlugField(unique=True, help_text="Name in plans, routes, rules and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    hosts = WordsField(
        blank=True,
        default=list,
        help_text="Host names that enter here, separated by commas; *.example.com takes every name below. Empty: any.",
    )
    base_path = models.CharField(
        max_length=200,
        default="/",
        help_text="Paths below this one enter here; it is taken off before routes are matched.",
    )
    rate = models.FloatField(
        "rate (requests/s)",
        null=True,
        blank=True,
        validators=between(0.001, 1_000_000),
        help_text="Default throttle of the stage: requests per second over all consumers. Empty: unlimited.",
    )
    burst = models.PositiveIntegerField(
        "burst (requests)",
        null=True,
        blank=True,
        validators=between(1, 1_000_000),
        help_text="Requests that may come at once on top of a steady rate. Empty: one second of the rate.",
    )
    on_store_error = models.CharField(
        "when the store is away",
        max_length=10,
        choices=LimitOnStoreError.choices,
        default=LimitOnStoreError.LOCAL,
        help_text="What the stage's throttle does while Valkey does not answer.",
    )
    allowed_origins = WordsField(
        blank=True,
        default=list,
        help_text="Web origins whose pages may call this stage, or *. Empty: the downstream answers for CORS itself.",
    )
    trusted_proxies = WordsField(
        blank=True,
        default=list,
        validators=[networks],
        help_text="Networks (CIDR) whose X-Forwarded-For is believed. Anybody else's changes nothing.",
    )
    max_body_bytes = models.PositiveIntegerField(
        "largest body (bytes)",
        null=True,
        blank=True,
        validators=between(0, 1024**3),
        help_text="A larger request body is refused with 413. Empty: MAX_BODY_BYTES of the installation.",
    )
    max_header_bytes = models.PositiveIntegerField(
        "largest header section (bytes)",
        null=True,
        blank=True,
        validators=between(256, 1024**2),
        help_text="Names and values of all request headers together; more is refused with 431. Empty: no own limit.",
    )
    cache_ttl_s = models.FloatField(
        "cache for (s)",
        default=0,
        validators=between(0, 31_536_000),
        help_text="Answers of routes that state no lifetime of their own are given again for so long. 0: never.",
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
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug
