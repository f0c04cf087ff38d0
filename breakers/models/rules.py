"""Request rules: which requests are counted, challenged, blocked or let through before they are metered."""

from django.db import models

from .fields import SlugField, WordsField
from .stages import Stage
from .targets import between


class RuleAction(models.TextChoices):
    COUNT = "count", "count: record the match and go on with the next rule"
    ALLOW = "allow", "allow: let the request pass all further rules"
    CHALLENGE = "challenge", "challenge: ask for a proof of work, once per pass"
    BLOCK = "block", "block: refuse the request"


class RuleWindow(models.IntegerChoices):
    ONE_MINUTE = 60, "60 s"
    TWO_MINUTES = 120, "2 min"
    FIVE_MINUTES = 300, "5 min"
    TEN_MINUTES = 600, "10 min"


class RequestRule(models.Model):
    """A rule matches by its statement, and, when it has a rate, only above that rate."""

    slug = SlugField(unique=True, help_text="Name in refusals, samples and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    priority = models.PositiveIntegerField(
        default=100,
        validators=between(0, 1_000_000),
        help_text="Rules are asked from the lowest number up; the first that allows, challenges or blocks decides.",
    )
    enabled = models.BooleanField(default=True, help_text="A disabled rule matches nothing.")
    stage = models.ForeignKey(
        Stage,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="rules",
        help_text="Only in this stage. Empty: in every stage.",
    )
    statement = models.JSONField(default=dict, help_text="What a request must be like.")
    label = models.CharField(
        max_length=100, blank=True, help_text="Put on requests that match, for statements of later rules."
    )
    rate_limit = models.PositiveIntegerField(
        "rate limit (requests)",
        null=True,
        blank=True,
        validators=between(1, 2_000_000_000),
        help_text="Acts only above so many requests of one client in the window. Empty: always. (AWS WAF: 10 or more.)",
    )
    rate_window_s = models.PositiveSmallIntegerField(
        "window",
        choices=RuleWindow.choices,
        default=RuleWindow.FIVE_MINUTES,
        help_text="Length of the sliding window in which requests are counted.",
    )
    rate_keys = WordsField(
        "counted by",
        blank=True,
        default=list,
        help_text="What makes requests one client: ip, forwarded_ip, path, key, header:Name, separated by commas.",
    )
    action = models.CharField(
        max_length=10,
        choices=RuleAction.choices,
        default=RuleAction.COUNT,
        help_text="Begin with `count` to see what a rule would do.",
    )
    answer_status = models.PositiveSmallIntegerField(
        "own status", null=True, blank=True, validators=between(400, 599), help_text="Of a block. Empty: 403, or 429."
    )
    answer_body = models.TextField(
        "own text", max_length=4000, blank=True, help_text="Of a block: what the client reads instead of the problem."
    )
    answer_content_type = models.CharField(
        "own content type", max_length=100, blank=True, help_text="Of a block's own text. Empty: text/plain."
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["priority", "slug"]

    def __str__(self) -> str:
        return self.title or self.slug
