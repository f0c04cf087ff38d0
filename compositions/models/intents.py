"""Intents: what customers asked for and were told to be accepted. A row is committed before its 202 is sent."""

from django.db import models
from django.db.models import Q

from breakers.models.fields import SlugField

ID_LENGTH = 28


class IntentStatus(models.TextChoices):
    ACCEPTED = "ACCEPTED", "accepted: it waits"
    RUNNING = "RUNNING", "running: its execution is under way"
    SUCCEEDED = "SUCCEEDED", "succeeded"
    PARTIAL = "PARTIAL", "succeeded in part"
    FAILED = "FAILED", "failed"
    DEAD = "DEAD", "dead letter: somebody must look"


class Intent(models.Model):
    """One wish of a customer, from acceptance to its one end.

    The id begins with the time, so that intents sort by age, and ends in 85 random bits: who has it may read the
    status. Among those that wait, `held` marks one that stands behind another with the same `order_key`.
    """

    id = models.CharField(max_length=ID_LENGTH, primary_key=True, help_text="Sorts by time; cannot be guessed.")
    pipe = SlugField(help_text="Slug of the pipe that took it.")
    status = models.CharField(
        max_length=10, choices=IntentStatus.choices, default=IntentStatus.ACCEPTED, help_text="How far it is."
    )
    accepted_at = models.DateTimeField(help_text="When it was accepted.")
    consumer = models.CharField(max_length=63, blank=True, help_text="Whose API key sent it; empty without one.")
    key_hash = models.CharField(
        "hash of the key", max_length=64, blank=True, help_text="SHA-256 of the Idempotency-Key; empty without one."
    )
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the canonical body, where a key came with it."
    )
    body = models.TextField(blank=True, help_text="What was asked for, as JSON.")
    headers = models.TextField(blank=True, help_text="Headers that the pipe keeps, as JSON.")
    order_key = models.CharField(max_length=200, blank=True, help_text="Intents with an equal one run in order.")
    held = models.BooleanField(default=False, help_text="Waits for an earlier one with the same order key.")
    owner = models.CharField(
        max_length=100, blank=True, help_text="Who prepares its execution, while that takes more than one step."
    )
    owned_until = models.DateTimeField(null=True, blank=True, help_text="When it waits again if the owner is lost.")
    not_before = models.DateTimeField(null=True, blank=True, help_text="It is not tried again before.")
    attempts = models.PositiveIntegerField(default=0, help_text="How often something kept it from starting.")
    execution = models.CharField(max_length=32, blank=True, help_text="Id of its execution.")
    outcome = models.TextField(blank=True, help_text="What is told of its end, as JSON: error, output.")
    reason = models.CharField(max_length=500, blank=True, help_text="Why it is a dead letter, for operators.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it ended.")
    purged_at = models.DateTimeField(null=True, blank=True, help_text="When body and headers were removed.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pipe", "consumer", "key_hash"], name="intent_key", condition=~Q(key_hash="")
            )
        ]
        # Partial, so that claiming looks only at what waits, and accepting writes no more than it must.
        indexes = [
            models.Index(fields=["pipe", "id"], name="intent_of_pipe"),
            # In an order of its own: a planner whose statistics are a drain behind cannot take another index for it,
            # and wade through all that has left.
            models.Index(
                fields=["pipe", "accepted_at", "id"],
                name="intent_waiting",
                condition=Q(status="ACCEPTED", held=False),
            ),
            models.Index(fields=["pipe", "id"], name="intent_held", condition=Q(status="ACCEPTED", held=True)),
            models.Index(
                fields=["pipe", "order_key", "id"],
                name="intent_in_order",
                condition=Q(status__in=["ACCEPTED", "RUNNING"]) & ~Q(order_key=""),
            ),
            models.Index(fields=["pipe", "id"], name="intent_running", condition=Q(status="RUNNING")),
            models.Index(fields=["pipe", "id"], name="intent_dead", condition=Q(status="DEAD")),
            models.Index(
                fields=["ended_at"],
                name="intent_to_purge",
                condition=Q(ended_at__isnull=False, purged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.id
