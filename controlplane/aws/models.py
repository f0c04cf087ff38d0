"""Rows of the AWS room: what is held there and how that goes, and the journal of calls that changed something."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models


class Holding(models.Model):
    """Something that shall hold at AWS: desired, actual, and how trying goes. Written by the reconciler alone."""

    key = models.CharField(max_length=200, unique=True, help_text="What wants it: its kind and slug.")
    title = models.CharField(max_length=300, help_text="What it is, in words.")
    desired = models.TextField(help_text="What shall hold.")
    turn = models.CharField(max_length=100, blank=True, help_text="The moment that led to it.")
    since = models.DateTimeField(help_text="Since when this is desired.")
    actual = models.TextField(blank=True, help_text="What was last seen at AWS. Empty: never seen.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When that was seen, or last acknowledged.")
    reached = models.BooleanField(default=False, help_text="Whether what is desired holds, as far as is known.")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed attempts since it is desired.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the last attempt failed.")
    tried_at = models.DateTimeField(null=True, blank=True, help_text="When it was last tried.")
    due_at = models.DateTimeField(help_text="When it is looked at next.")
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="A worker is at it until then at most.")

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.title

    @property
    def status(self) -> str:
        """reached, failing, or on the way."""
        return "failing" if self.error else "reached" if self.reached else "on the way"

    def late(self, now: datetime, after_s: float) -> bool:
        return not self.reached and (now - self.since).total_seconds() > after_s


class AwsCall(models.Model):
    """A call that was meant to change something, written down before it was made."""

    SENT: ClassVar[str] = "sent"

    at = models.DateTimeField(help_text="When it was sent.")
    by = models.CharField(max_length=200, help_text="What or who wanted it.")
    call = models.TextField(help_text="The call in one line.")
    outcome = models.CharField(max_length=20, default=SENT, help_text="sent (no answer is known), done or failed.")
    detail = models.CharField(max_length=500, blank=True, help_text="Why it failed.")
    ms = models.FloatField(null=True, blank=True, help_text="How long it took.")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["by", "-at"], name="aws_call_by")]

    def __str__(self) -> str:
        return f"{self.call} {self.outcome}"
