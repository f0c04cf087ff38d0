"""Operators' orders over circuits, and the record of the moves that circuits made."""

from django.db import models

from breakers.core.states import OVERRIDES, PLAIN_WORDS, State

from .fields import SlugField
from .targets import Target

OVERRIDE_CHOICES = [(state.value, f"{state.value}: {PLAIN_WORDS[state]}") for state in OVERRIDES]
STATE_CHOICES = [(state.value, f"{state.value}: {PLAIN_WORDS[state]}") for state in State]


class Override(models.Model):
    """An operator's order; it outranks what the breaker concludes until it is lifted or has expired.

    What it replaced is kept beside it, so that it can be undone while it lives.
    """

    target = models.OneToOneField(Target, models.CASCADE, related_name="override", help_text="The circuit it binds.")
    state = models.CharField(max_length=20, choices=OVERRIDE_CHOICES, help_text="What every worker acts on.")
    reason = models.CharField(
        max_length=500, help_text="Why, in the operator's words; shown on the board and in the audit."
    )
    by = models.CharField(max_length=200, help_text="Who ordered it.")
    since = models.DateTimeField(help_text="When it was ordered.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="When the circuit returns to automatic by itself. Empty: until it is lifted."
    )
    revision = models.PositiveBigIntegerField(
        help_text="Number of the order on this target; two operators are told apart by it."
    )
    previous_state = models.CharField(
        max_length=20, blank=True, help_text="The order that this one replaced, if it lived."
    )
    previous_reason = models.CharField(max_length=500, blank=True, help_text="Reason of the replaced order.")
    previous_by = models.CharField(max_length=200, blank=True, help_text="Who gave the replaced order.")
    previous_since = models.DateTimeField(null=True, blank=True, help_text="When the replaced order was given.")
    previous_expires_at = models.DateTimeField(null=True, blank=True, help_text="When the replaced order would expire.")

    class Meta:
        ordering = ["target"]

    def __str__(self) -> str:
        return f"{self.target}: {self.state}"


class Transition(models.Model):
    """One move of a circuit. Kept by slug, so that the history outlives its target."""

    target = SlugField(help_text="Slug of the target whose circuit moved.")
    epoch = models.BigIntegerField(help_text="Number of the move: the store's time in ms.")
    at = models.DateTimeField(help_text="When it moved, by the store's clock.")
    from_state = models.CharField(max_length=20, choices=STATE_CHOICES, help_text="State before.")
    to_state = models.CharField(max_length=20, choices=STATE_CHOICES, help_text="State after.")
    reason = models.CharField(max_length=500, blank=True, help_text="Why it moved, in words.")
    evidence = models.JSONField(default=list, blank=True, help_text="The failures that led to it, newest first.")
    wait_ms = models.PositiveBigIntegerField(default=0, help_text="Wait that an open circuit began with.")

    class Meta:
        ordering = ["-epoch", "-pk"]
        constraints = [models.UniqueConstraint(fields=["target", "epoch"], name="transition_once")]

    def __str__(self) -> str:
        return f"{self.target}: {self.from_state} to {self.to_state}"
