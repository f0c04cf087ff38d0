"""Downstream targets: where calls go, who answers for them, and what may be answered in their place."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from .addresses import base_url, proxy_url, web_address
from .fields import SlugField, WordsField


def between(low: float, high: float) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(low), MaxValueValidator(high)]


class Kind(models.TextChoices):
    HTTP = "http", "HTTP service of our own"
    ON_PREM = "on_prem", "on premises"
    THIRD_PARTY = "third_party", "third party"
    LAMBDA = "lambda", "Lambda function"


class CredentialsType(models.TextChoices):
    NONE = "", "none: calls carry what their callers sent"
    BASIC = "basic", "basic: user name and password"
    HEADER = "header", "header: a header with a secret value"


class OnStoreError(models.TextChoices):
    ALLOW = "allow", "allow: go on calling on the last known state"
    REFUSE = "refuse", "refuse: answer 503 until the store is back"


class Target(models.Model):
    """One downstream API; its breaker, probe, classification and contracts are rows beside it."""

    slug = SlugField(unique=True, help_text="Name in addresses, metrics and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on the board. Empty: the slug.")
    description = models.TextField(
        max_length=4000, blank=True, help_text="What the downstream does, for whoever is on call."
    )
    owner = models.CharField(max_length=200, blank=True, help_text="Who answers for the downstream.")
    team = models.CharField(max_length=200, blank=True, help_text="The team that is on call for it.")
    tags = WordsField(blank=True, default=list, help_text="Words to find it by, separated by commas.")
    contact = models.CharField(max_length=200, blank=True, help_text="Whom to reach: mail, phone or channel.")
    runbook_url = models.CharField(
        "runbook URL",
        max_length=500,
        blank=True,
        validators=[web_address],
        help_text="What to do when it breaks; linked from the circuit's page.",
    )
    status_page_url = models.CharField(
        "status page URL",
        max_length=500,
        blank=True,
        validators=[web_address],
        help_text="The provider's own status page.",
    )
    base_url = models.CharField(
        "base URL",
        max_length=500,
        validators=[base_url],
        help_text="http:// or https:// address that every call begins with. Without credentials, query or fragment.",
    )
    kind = models.CharField(
        max_length=20,
        choices=Kind.choices,
        default=Kind.HTTP,
        help_text="Where it runs. For people: it changes nothing in how calls are made.",
    )
    timeout_ms = models.PositiveIntegerField(
        "timeout (ms)",
        default=2000,
        validators=between(1, 600_000),
        help_text="A call without complete answer by then is ended, fails, counts as slow, and its caller gets 504.",
    )
    max_concurrency = models.PositiveIntegerField(
        default=64,
        validators=between(1, 10_000),
        help_text="Calls in flight per process. One more is refused at once with 503: a slow target holds up no other.",
    )
    follow_redirects = models.BooleanField(
        default=False,
        help_text="Off: a redirect is handed to the caller as it is. On: it is followed within the same base URL.",
    )
    on_store_error = models.CharField(
        "when the store is away",
        max_length=10,
        choices=OnStoreError.choices,
        default=OnStoreError.ALLOW,
        help_text="While Valkey does not answer: `allow` voids the contracts' guarantee, `refuse` stops traffic.",
    )
    cache_write_through = models.BooleanField(
        "write through",
        default=True,
        help_text="Keep every cacheable answer to GET, so that it can be given while the circuit is open.",
    )
    cache_ttl_s = models.FloatField(
        "fresh for (s)",
        default=0,
        validators=between(0, 31_536_000),
        help_text="Answers younger than this are given without a call. 0: a closed circuit calls for every request.",
    )
    cache_max_stale_s = models.FloatField(
        "stale for up to (s)",
        default=86_400,
        validators=between(0, 31_536_000),
        help_text="How old an answer may be, beyond fresh, while no call may be made. 0: never give stale answers.",
    )
    cache_vary_headers = WordsField(
        "vary by headers",
        blank=True,
        default=list,
        help_text="Request headers that make a different answer, separated by commas. "
        "Answers to requests with Authorization or Cookie are kept only where that header is named here.",
    )
    fallback_static = models.JSONField(
        "static answer",
        null=True,
        blank=True,
        help_text="Answer of last resort, when nothing is cached. Empty: 503. "
        'JSON such as {"status": 200, "content_type": "application/json", "body": {"items": []}}.',
    )
    proxy_url = models.CharField(
        "proxy",
        max_length=500,
        blank=True,
        validators=[proxy_url],
        help_text="http://host:port of the HTTP proxy through which it is reached. Empty: calls go straight to it.",
    )
    proxy_username = models.CharField("user name at the proxy", max_length=200, blank=True)
    proxy_password = models.TextField(blank=True, editable=False)  # sealed by kernel.secrets, as is the other
    credentials_type = models.CharField(
        "credentials",
        max_length=10,
        blank=True,
        choices=CredentialsType.choices,
        default=CredentialsType.NONE,
        help_text="What every call carries besides, in the place of what its caller sent under that name.",
    )
    credentials_name = models.CharField(
        "user name or header", max_length=200, blank=True, help_text="basic: the user. header: the header's name."
    )
    credentials_secret = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was registered.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug
