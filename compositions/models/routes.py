"""Routes of the front door: which requests go where."""

from django.db import models

from breakers.models import Stage, Target
from breakers.models.addresses import networks, web_address
from breakers.models.fields import SlugField, WordsField
from breakers.models.targets import between

from .compositions import Composition
from .pipes import Pipe


class Integration(models.TextChoices):
    TARGET = "target", "target: pass the request through to a downstream"
    COMPOSITION = "composition", "composition: answer with what a workflow makes of several downstreams"
    PIPE = "pipe", "pipe: accept an intent at once, and carry it out when that is possible"


class AuthorizerType(models.TextChoices):
    NONE = "", "none: whoever reaches the route may call it"
    JWT = "jwt", "jwt: a signed bearer token of an issuer"
    TRUSTED_HEADER = "trusted_header", "trusted header: a proxy in front has authenticated the caller"


class Route(models.Model):
    """Requests with one of `methods` and a path of this shape go to the integration."""

    slug = SlugField(unique=True, help_text="Name in logs and metrics. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: methods and path.")
    tags = WordsField(
        blank=True,
        default=list,
        help_text="Words to find it by, separated by commas. What it keeps can be purged by them.",
    )
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
        null=True,
        blank=True,
        related_name="routes",
        help_text="target: downstream that the request is passed to, through its breaker.",
    )
    composition = models.ForeignKey(
        Composition,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="routes",
        help_text="composition: the EXPRESS workflow whose output is the answer.",
    )
    pipe = models.ForeignKey(
        Pipe,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="routes",
        help_text="pipe: takes the request's body as an intent, and answers 202.",
    )
    integration_path = models.CharField(
        "path at the target",
        max_length=500,
        blank=True,
        help_text="target: path below the base URL; it may use parameters of the route's path. Empty: the request's "
        "own path.",
    )
    stages = models.ManyToManyField(
        Stage, related_name="routes", help_text="Entrances through which the route can be reached."
    )
    api_key_required = models.BooleanField(
        "needs an API key",
        default=False,
        help_text="Requests without a key of a plan of this stage are refused. A key identifies; it does not "
        "authenticate.",
    )
    authorizer_type = models.CharField(
        "authorizer",
        max_length=20,
        blank=True,
        choices=AuthorizerType.choices,
        default=AuthorizerType.NONE,
        help_text="What proves who the caller is. A key alone opens nothing that an authorizer guards.",
    )
    authorizer_issuer = models.CharField(
        "issuer", max_length=500, blank=True, help_text="jwt: the `iss` that tokens must carry."
    )
    authorizer_audience = models.CharField(
        "audience", max_length=500, blank=True, help_text="jwt: one of the token's `aud` must be this."
    )
    authorizer_jwks_url = models.CharField(
        "JWKS URL",
        max_length=500,
        blank=True,
        validators=[web_address],
        help_text="jwt: where the issuer publishes its keys. Fetched in the background and kept.",
    )
    authorizer_jwks = models.TextField(
        "public keys",
        blank=True,
        help_text="jwt: where the issuer has no address for its keys, the keys themselves as PEM blocks. "
        "With several, put a line `kid: …` above each.",
    )
    authorizer_header = models.CharField(
        "header", max_length=100, blank=True, help_text="trusted header: the header that names the caller."
    )
    authorizer_from = WordsField(
        "from networks",
        blank=True,
        default=list,
        validators=[networks],
        help_text="trusted header: networks (CIDR) of the proxy. From anywhere else the request is refused.",
    )
    cache_ttl_s = models.FloatField(
        "cache for (s)",
        null=True,
        blank=True,
        default=None,
        validators=between(0, 31_536_000),
        help_text="Answers are given again for so long, without a call. 0: never. Empty: as its stage says.",
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
