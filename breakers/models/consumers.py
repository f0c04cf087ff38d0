"""Consumers and the keys by which they are told apart. Keys identify; they do not authenticate."""

import secrets

from django.db import models

from .fields import SlugField, WordsField
from .plans import UsagePlan


def new_key_id() -> str:
    """The public name of a key: it stands in addresses, logs and audits, and gives nothing away."""
    return f"k{secrets.token_hex(8)}"


class Consumer(models.Model):
    """Who calls: an application, a partner, a team. Usage is counted for the consumer, over all of its keys."""

    slug = SlugField(unique=True, help_text="Name in usage, answers and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    contact = models.CharField(
        max_length=200, blank=True, help_text="Whom to tell when a key leaks or a limit is near."
    )
    tags = WordsField(blank=True, default=list, help_text="Words to find it by, separated by commas.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was registered.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class ApiKey(models.Model):
    """One key. Only a hash of it is kept; `prefix` is what lists show."""

    id = models.CharField(
        primary_key=True, max_length=32, default=new_key_id, editable=False, help_text="Public name of the key."
    )
    consumer = models.ForeignKey(
        Consumer, models.PROTECT, related_name="keys", help_text="Whose key it is. A consumer with keys stays."
    )
    title = models.CharField(max_length=200, blank=True, help_text="What it is used for: app, environment, person.")
    tags = WordsField(blank=True, default=list, help_text="Words to find it by, separated by commas.")
    prefix = models.CharField(max_length=16, editable=False, help_text="Beginning of the key, to recognise it by.")
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the whole key.")
    plans = models.ManyToManyField(
        UsagePlan, blank=True, related_name="keys", help_text="Usage plans; at most one of them for each stage."
    )
    created_at = models.DateTimeField(editable=False, help_text="When it was made.")
    created_by = models.CharField(max_length=200, editable=False, help_text="Who made it.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When it stops working by itself. Empty: never.")
    successor = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="predecessor",
        help_text="The key that this one was rotated to.",
    )
    grace_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="After a rotation: until when this key still works."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When it was revoked.")
    revoked_reason = models.CharField(max_length=500, blank=True, editable=False, help_text="Why it was revoked.")
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When a request last carried it, to the minute."
    )

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.title or self.consumer} ({self.prefix}…)"
